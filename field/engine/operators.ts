/**
 * Each operator but the convolutions: what it may look like, and how its kernel is called.
 *
 * An operator that asks for anything else is refused by name. What passes is computed as XNNPACK does; the kernels
 * (kernels.c) check nothing, so every size and address that they get is right from here on.
 */

import { activationLimits, additionMultipliers, logisticTable, positionsBetween } from "./arithmetic.ts";
import type { Padding } from "./convolution.ts";
import { Refusal } from "./flatbuffer.ts";
import { expectSameQuantization, expectSameShape, int32sOf, Parts, pictureOf, quantizationOf } from "./parts.ts";
import { type Constant, copied, type Step } from "./step.ts";
import { type Graph, INT8, INT32, type Operator, type Tensor, UINT8 } from "./tflite.ts";

/** Numbers of options in schema.fbs. */
const ADD_OPTIONS = 11;
const RESIZE_OPTIONS = 15;

export function prepare(operator: Operator, graph: Graph): Step {
  const make = PREPARATIONS[operator.name];
  if (!make) throw new Refusal(`${operator.name} is not among the operators of this engine`);
  return make(new Parts(operator, graph));
}

const PREPARATIONS: Record<string, (parts: Parts) => Step> = {
  ADD: prepareAdd,
  LOGISTIC: prepareLogistic,
  PAD: preparePad,
  QUANTIZE: prepareQuantize,
  RESIZE_BILINEAR: prepareResize,
};

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
  const table = copied(logisticTable(quantizationOf(x)));
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
  const flip: Step["run"] = (kernels, { inputs, output }) => kernels.flip(inputs[0], output, y.elements);
  return { ...elementwise(parts, y, [], flip), isInPlace: true };
}

function elementwise(parts: Parts, { elements }: Tensor, constants: Constant[], run: Step["run"]): Step {
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
    constants: positions.map(copied),
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
