/** The tensors and options of one operator, and the questions that every operator asks of them. */

import type { Quantization } from "./arithmetic.ts";
import { Refusal, type Table } from "./flatbuffer.ts";
import { type Graph, INT8, type Operator, type Tensor } from "./tflite.ts";

/** The tensors and options of one operator; asking for what is not there refuses it. */
export class Parts {
  readonly operator: Operator;
  readonly output: number;
  readonly graph: Graph;

  constructor(operator: Operator, graph: Graph) {
    this.operator = operator;
    this.graph = graph;
    this.output = operator.outputs[0];
    if (operator.outputs.length !== 1) throw new Refusal(`${operator.outputs.length} outputs`);
  }

  expectInputs(count: number): void {
    if (this.operator.inputs.length !== count) throw new Refusal(`${this.operator.inputs.length} inputs`);
  }

  options(type: number): Table | undefined {
    const { options, optionsType } = this.operator;
    if (options && optionsType !== type) throw new Refusal(`options of type ${optionsType}`);
    return options;
  }

  get result(): Tensor {
    return this.graph.tensors[this.output];
  }

  /** An input that is computed. */
  activation(position: number, tensor = this.operator.inputs[position]): Tensor {
    const found = this.graph.tensors[tensor];
    if (!found || found.content) throw new Refusal(`input ${position} is a constant or left out`);
    return found;
  }

  constant(position: number, type: number): Tensor & { content: Uint8Array } {
    const { content, ...tensor } = this.graph.tensors[this.operator.inputs[position]] ?? {};
    if (!content || tensor.type !== type) throw new Refusal(`input ${position} is not a constant of type ${type}`);
    return { ...(tensor as Tensor), content };
  }
}

export function quantizationOf(tensor: Tensor, type = INT8): Quantization {
  const { scales, zeroPoints } = tensor;
  if (tensor.type !== type) throw new Refusal(`a tensor of type ${tensor.type} instead of ${type}`);
  const lowest = type === INT8 ? -128 : 0;
  if (scales.length !== 4 || zeroPoints.length !== 8) throw new Refusal("a tensor that is not quantised as one");
  const scale = viewOf(scales).getFloat32(0, true);
  const zero = Number(viewOf(zeroPoints).getBigInt64(0, true));
  const isSound = scale > 0 && Number.isFinite(scale);
  if (!isSound || zero < lowest || zero > lowest + 255) throw new Refusal("a tensor whose quantisation is not sound");
  return { scale, zero };
}

export function expectSameQuantization(x: Tensor, y: Tensor): void {
  const [a, b] = [quantizationOf(x), quantizationOf(y)];
  if (a.scale !== b.scale || a.zero !== b.zero) throw new Refusal("input and output of different scales");
}

export function expectSameShape(x: Tensor, y: Tensor): void {
  if (x.shape.join() !== y.shape.join()) throw new Refusal(`shapes ${x.shape} and ${y.shape}`);
}

/** Height, width, channels. */
export function pictureOf({ shape }: Tensor): [number, number, number] {
  if (shape.length !== 4 || shape[0] !== 1) throw new Refusal(`a picture of shape ${shape}`);
  return [shape[1], shape[2], shape[3]];
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

export function int32sOf({ content }: { content: Uint8Array }): number[] {
  const view = viewOf(content);
  return Array.from({ length: content.length / 4 }, (_, index) => view.getInt32(4 * index, true));
}
