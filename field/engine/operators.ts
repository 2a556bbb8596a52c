/**
 * Each operator that the engine knows: what it may look like, and how its kernel is called.
 *
 * An operator that asks for anything else is refused by name. What passes is computed as XNNPACK does; the kernels
 * (kernels.c) check nothing, so every size and address that they get is right from here on.
 */

import {
  activationLimits,
  additionMultipliers,
  logisticTable,
  positionsBetween,
  type Quantization,
  requantizationScale,
} from "./arithmetic.ts";
import { Refusal, type Table } from "./flatbuffer.ts";
import { type Graph, INT8, INT32, type Operator, type Tensor, UINT8 } from "./tflite.ts";

/** What kernels.wasm exports; all arguments are numbers, addresses among them. */
export type Kernels = Record<"convolve" | "convolve_depthwise" | "add" | "resize" | "look_up" | "flip", Kernel>;
type Kernel = (...args: number[]) => void;

/** One operator, ready to get its place in memory. */
export interface Step {
  name: string;
  inputs: number[];
  output: number;
  /** Packed weights, tables, parameters: what must lie in memory before it runs. */
  constants: ArrayBuffer[];
  scratchBytes: number;
  /** How much it computes, in multiplications or moved bytes. */
  work: number;
  run(kernels: Kernels, places: Places): void;
}

/** Addresses, in the order of a step's own lists. */
export interface Places {
  memory: Uint8Array;
  inputs: number[];
  output: number;
  constants: number[];
  scratch: number;
}

/** Rows and columns of zero points that a PAD puts around a picture, for the convolution that does it on the fly. */
export interface Padding {
  tensor: number;
  rows: [number, number];
  columns: [number, number];
}

/** Numbers of options and enumerations in schema.fbs. */
const CONV_2D_OPTIONS = 1;
const DEPTHWISE_OPTIONS = 2;
const ADD_OPTIONS = 11;
const RESIZE_OPTIONS = 15;
const SAME = 0;
const MOST_TAPS = 49;
const MOST_DEPTH = 16_384;

export function prepare(operator: Operator, graph: Graph, padding?: Padding): Step {
  const make = PREPARATIONS[operator.name];
  if (!make) throw new Refusal(`${operator.name} is not among the operators of this engine`);
  try {
    return make(new Parts(operator, graph), padding);
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(`${operator.name}: ${error.message}`);
    throw error;
  }
}

const PREPARATIONS: Record<string, (parts: Parts, padding?: Padding) => Step> = {
  ADD: prepareAdd,
  CONV_2D: (parts, padding) => prepareConvolution(parts, false, padding),
  DEPTHWISE_CONV_2D: (parts, padding) => prepareConvolution(parts, true, padding),
  LOGISTIC: prepareLogistic,
  PAD: preparePad,
  QUANTIZE: prepareQuantize,
  RESIZE_BILINEAR: prepareResize,
};

/** The tensors and options of one operator; asking for what is not there refuses it. */
class Parts {
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

function quantizationOf(tensor: Tensor, type = INT8): Quantization {
  const { scales, zeroPoints } = tensor;
  if (tensor.type !== type) throw new Refusal(`a tensor of type ${tensor.type} instead of ${type}`);
  const [scale, zero] = [scales[0], zeroPoints[0]];
  const lowest = type === INT8 ? -128 : 0;
  const isSound = scales.length === 1 && zeroPoints.length === 1 && scale > 0 && Number.isFinite(scale);
  if (!isSound || zero < lowest || zero > lowest + 255) throw new Refusal("a tensor whose quantisation is not sound");
  return { scale, zero };
}

function expectSameQuantization(x: Tensor, y: Tensor): void {
  const [a, b] = [quantizationOf(x), quantizationOf(y)];
  if (a.scale !== b.scale || a.zero !== b.zero) throw new Refusal("input and output of different scales");
}

function expectSameShape(x: Tensor, y: Tensor): void {
  if (x.shape.join() !== y.shape.join()) throw new Refusal(`shapes ${x.shape} and ${y.shape}`);
}

/** Height, width, channels. */
function pictureOf({ shape }: Tensor): [number, number, number] {
  if (shape.length !== 4 || shape[0] !== 1) throw new Refusal(`a picture of shape ${shape}`);
  return [shape[1], shape[2], shape[3]];
}

function int32sOf({ content }: { content: Uint8Array }): number[] {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  return Array.from({ length: content.length / 4 }, (_, index) => view.getInt32(4 * index, true));
}

/** One axis of a moving window: what was before, how far it moves, and what comes out. */
interface Axis {
  size: number;
  kernel: number;
  stride: number;
  before: number;
  out: number;
}

/** The odd pixel of SAME padding goes below and to the right. Source: TensorFlow's definition of SAME. */
function axisOf(size: number, kernel: number, stride: number, isSame: boolean, padding: [number, number]): Axis {
  if (!(stride >= 1 && stride <= 16)) throw new Refusal(`a stride of ${stride}`);
  if (isSame) {
    const out = Math.ceil(size / stride);
    return { size, kernel, stride, before: Math.max(0, (out - 1) * stride + kernel - size) >> 1, out };
  }
  const out = Math.floor((size + padding[0] + padding[1] - kernel) / stride) + 1;
  return { size, kernel, stride, before: padding[0], out };
}

function prepareConvolution(parts: Parts, isDepthwise: boolean, padding?: Padding): Step {
  parts.expectInputs(3);
  const options = parts.options(isDepthwise ? DEPTHWISE_OPTIONS : CONV_2D_OPTIONS);
  const input = padding?.tensor ?? parts.operator.inputs[0];
  const [x, y] = [parts.activation(0, input), parts.result];
  const [height, width, channels] = pictureOf(x);
  const [outHeight, outWidth, filters] = pictureOf(y);
  const weights = parts.constant(1, INT8);
  const [first, kernelHeight, kernelWidth, last] = weights.shape;
  const expected = isDepthwise
    ? [1, kernelHeight, kernelWidth, filters]
    : [filters, kernelHeight, kernelWidth, channels];
  if (weights.shape.length !== 4 || [first, kernelHeight, kernelWidth, last].join() !== expected.join()) {
    throw new Refusal(`weights of shape ${weights.shape}`);
  }
  const [dilationField, activationField] = isDepthwise ? [5, 4] : [4, 3];
  if (options?.int32(dilationField, 1) !== 1 || options.int32(dilationField + 1, 1) !== 1) {
    throw new Refusal("a dilated window");
  }
  if (isDepthwise && (channels !== filters || channels % 8 || kernelHeight * kernelWidth > MOST_TAPS)) {
    throw new Refusal(`${channels} channels to ${filters} by a window of ${kernelHeight} x ${kernelWidth}`);
  }
  const isSame = options.int8(0) === SAME;
  const rows = axisOf(height, kernelHeight, options.int32(2), isSame, padding?.rows ?? [0, 0]);
  const columns = axisOf(width, kernelWidth, options.int32(1), isSame, padding?.columns ?? [0, 0]);
  if (rows.out !== outHeight || columns.out !== outWidth) throw new Refusal(`an output of shape ${y.shape}`);
  const [from, to] = [quantizationOf(x), quantizationOf(y)];
  const packed = packWeights(parts, weights, from, to, isDepthwise);
  const limits = activationLimits(options.int8(activationField), to);
  const window = windowOf(rows, columns, channels, filters, from.zero, to.zero, limits);
  const depth = (kernelHeight * kernelWidth * channels + 1) & ~1;
  const blank = new Int8Array(channels).fill(from.zero).buffer;
  return {
    name: parts.operator.name,
    inputs: [input],
    output: parts.output,
    constants: isDepthwise ? [window, packed, blank] : [window, packed],
    scratchBytes: isDepthwise ? 0 : 4 * depth * 2,
    work: outHeight * outWidth * kernelHeight * kernelWidth * (isDepthwise ? 1 : channels) * (filters + 7),
    run: isDepthwise
      ? (kernels, { inputs: [a], output, constants: [w, block, pixel] }) =>
          kernels.convolve_depthwise(w, a, block, output, pixel)
      : (kernels, { inputs: [a], output, constants: [w, block], scratch }) =>
          kernels.convolve(w, a, block, output, scratch),
  };
}

/** The `Window` of kernels.c. A 1 x 1 kernel that goes over every pixel sees one long line, so that four always fit. */
function windowOf(
  rows: Axis,
  columns: Axis,
  channels: number,
  filters: number,
  zeroIn: number,
  zeroOut: number,
  [lowest, highest]: [number, number],
): ArrayBuffer {
  const isPointwise = [rows, columns].every(
    ({ kernel, stride, before, size, out }) => kernel === 1 && stride === 1 && before === 0 && size === out,
  );
  const [height, width] = isPointwise ? [1, rows.size * columns.size] : [rows.size, columns.size];
  const [outHeight, outWidth] = isPointwise ? [1, width] : [rows.out, columns.out];
  const kernel = [rows.kernel, columns.kernel, rows.stride, columns.stride, rows.before, columns.before];
  const numbers = [height, width, channels, ...kernel, outHeight, outWidth, filters, zeroIn, zeroOut];
  const window = new ArrayBuffer(4 * (numbers.length + 2));
  new Int32Array(window).set(numbers);
  new Float32Array(window).set([lowest - zeroOut, highest - zeroOut], numbers.length);
  return window;
}

/**
 * Weights as the kernels read them: blocks of eight filters (`Block` of kernels.c), each with its biases, its scales and
 * its weights; in a convolution int16 by pairs of inputs, in a depthwise one int8 by taps.
 */
function packWeights(
  parts: Parts,
  weights: Tensor & { content: Uint8Array },
  from: Quantization,
  to: Quantization,
  isDepthwise: boolean,
): ArrayBuffer {
  const axis = isDepthwise ? 3 : 0;
  const filters = weights.shape[axis];
  const depth = weights.elements / filters;
  const { scales, zeroPoints } = weights;
  if (scales.length !== filters || weights.axis !== axis || zeroPoints.some((zero) => zero !== 0)) {
    throw new Refusal("weights that are not quantised symmetrically by filter");
  }
  if (depth > MOST_DEPTH) throw new Refusal(`sums of ${depth} products`);
  const biases = int32sOf(parts.constant(2, INT32));
  if (biases.length !== filters) throw new Refusal(`${biases.length} biases for ${filters} filters`);
  const values = new Int8Array(weights.content.buffer, weights.content.byteOffset, weights.elements);
  if (isDepthwise && values.includes(-128)) throw new Refusal("a weight of -128");
  const evenDepth = (depth + 1) & ~1;
  const blockBytes = 64 + evenDepth * 8 * (isDepthwise ? 1 : 2);
  const packed = new DataView(new ArrayBuffer(Math.ceil(filters / 8) * blockBytes));
  for (let n = 0; n < filters; n++) {
    const block = (n >> 3) * blockBytes;
    const lane = n & 7;
    let sum = 0;
    for (let k = 0; k < depth; k++) {
      const value = values[isDepthwise ? k * filters + n : n * depth + k];
      sum += value;
      if (isDepthwise) packed.setInt8(block + 64 + k * 8 + lane, value);
      else packed.setInt16(block + 64 + (k >> 1) * 32 + lane * 4 + (k & 1) * 2, value, true);
    }
    packed.setInt32(block + lane * 4, biases[n] - from.zero * sum, true);
    packed.setFloat32(block + 32 + lane * 4, requantizationScale(from.scale, scales[n], to.scale), true);
  }
  return packed.buffer;
}

function prepareAdd(parts: Parts): Step {
  parts.expectInputs(2);
  const [a, b, y] = [parts.activation(0), parts.activation(1), parts.result];
  expectSameShape(a, y);
  expectSameShape(b, y);
  const to = quantizationOf(y);
  const addition = additionMultipliers(quantizationOf(a), quantizationOf(b), to);
  const [lowest, highest] = activationLimits(parts.options(ADD_OPTIONS)?.int8(0) ?? 0, to);
  const numbers = [y.elements, addition.a, addition.b, addition.bias, addition.shift, to.zero, lowest, highest];
  return elementwise(parts, y, [], (kernels, { inputs, output }) =>
    kernels.add(inputs[0], inputs[1], output, ...numbers),
  );
}

function prepareLogistic(parts: Parts): Step {
  parts.expectInputs(1);
  const [x, y] = [parts.activation(0), parts.result];
  expectSameShape(x, y);
  const { scale, zero } = quantizationOf(y);
  if (scale !== 1 / 256 || zero !== -128) throw new Refusal("an output that is not in 256ths");
  const table = Uint8Array.from(logisticTable(quantizationOf(x))).buffer;
  return elementwise(parts, y, [table], (kernels, { inputs, output, constants }) =>
    kernels.look_up(inputs[0], output, y.elements, constants[0]),
  );
}

function prepareQuantize(parts: Parts): Step {
  parts.expectInputs(1);
  const [x, y] = [parts.activation(0), parts.result];
  expectSameShape(x, y);
  const [signed, unsigned] = x.type === INT8 ? [x, y] : [y, x];
  const [a, b] = [quantizationOf(signed), quantizationOf(unsigned, UINT8)];
  if (a.scale !== b.scale || b.zero - a.zero !== 128) throw new Refusal("a change of scale");
  return elementwise(parts, y, [], (kernels, { inputs, output }) => kernels.flip(inputs[0], output, y.elements));
}

function elementwise(parts: Parts, { elements }: Tensor, constants: ArrayBuffer[], run: Step["run"]): Step {
  const { name, inputs } = parts.operator;
  return { name, inputs, output: parts.output, constants, scratchBytes: 0, work: elements, run };
}

function prepareResize(parts: Parts): Step {
  parts.expectInputs(2);
  const options = parts.options(RESIZE_OPTIONS);
  const [x, y] = [parts.activation(0), parts.result];
  expectSameQuantization(x, y);
  const [height, width, channels] = pictureOf(x);
  const [outHeight, outWidth, outChannels] = pictureOf(y);
  const size = int32sOf(parts.constant(1, INT32)).join();
  if (channels !== outChannels || size !== [outHeight, outWidth].join()) throw new Refusal(`a size of ${size}`);
  if (options?.int8(2) || !options?.int8(3)) throw new Refusal("pixels that are not taken at their centres");
  const positions = [positionsBetween(height, outHeight), positionsBetween(width, outWidth)];
  return {
    name: parts.operator.name,
    inputs: [parts.operator.inputs[0]],
    output: parts.output,
    constants: positions.map((list) => Int32Array.from(list).buffer),
    scratchBytes: 0,
    work: 4 * y.elements,
    run: (kernels, { inputs, output, constants }) =>
      kernels.resize(inputs[0], output, width, channels, outHeight, outWidth, constants[0], constants[1]),
  };
}

/** The padding of a PAD around a picture, which holds the zero point. */
export function readPadding(operator: Operator, graph: Graph): Padding {
  const parts = new Parts(operator, graph);
  parts.expectInputs(2);
  const [x, y] = [parts.activation(0), parts.result];
  expectSameQuantization(x, y);
  const [height, width, channels] = pictureOf(x);
  const amounts = int32sOf(parts.constant(1, INT32));
  const [batchBefore, batchAfter, top, bottom, left, right, channelsBefore, channelsAfter] = amounts;
  const isAround = amounts.length === 8 && !batchBefore && !batchAfter && !channelsBefore && !channelsAfter;
  const shape = [1, height + top + bottom, width + left + right, channels];
  if (!isAround || Math.min(...amounts) < 0 || y.shape.join() !== shape.join()) {
    throw new Refusal(`a padding of ${amounts}`);
  }
  return { tensor: operator.inputs[0], rows: [top, bottom], columns: [left, right] };
}

function preparePad(parts: Parts): Step {
  const padding = readPadding(parts.operator, parts.graph);
  const [x, y] = [parts.activation(0), parts.result];
  const [height, width, channels] = pictureOf(x);
  const outWidth = y.shape[2];
  const { zero } = quantizationOf(x);
  return {
    name: parts.operator.name,
    inputs: [padding.tensor],
    output: parts.output,
    constants: [],
    scratchBytes: 0,
    work: y.elements,
    run(_, { memory, inputs, output }) {
      memory.fill(zero & 255, output, output + y.elements);
      for (let row = 0; row < height; row++) {
        const from = inputs[0] + row * width * channels;
        const to = output + ((padding.rows[0] + row) * outWidth + padding.columns[0]) * channels;
        memory.copyWithin(to, from, from + width * channels);
      }
    },
  };
}
