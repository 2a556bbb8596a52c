/**
 * CONV_2D and DEPTHWISE_CONV_2D: what they may look like, and their steps.
 *
 * A depthwise convolution takes the convolution before it and the pointwise one after it into its own step where nothing
 * else reads what lies between: of those pictures only a few rows exist at a time.
 */

import { activationLimits } from "./arithmetic.ts";
import { Refusal } from "./flatbuffer.ts";
import { Parts, pictureOf, quantizationOf } from "./parts.ts";
import { type Constant, room, type Step } from "./step.ts";
import { type Graph, INT8, INT32, type Operator, type Tensor } from "./tflite.ts";

/** Rows and columns of zero points that a PAD puts around a picture, for the convolution that does it on the fly. */
export interface Padding {
  tensor: number;
  rows: [number, number];
  columns: [number, number];
}

/** A convolution that was found sound; not yet a step. */
export interface Layer {
  name: string;
  input: number;
  output: number;
  isPointwise: boolean;
  rows: Axis;
  columns: Axis;
  channels: number;
  filters: number;
  /** Zero points and limits. */
  zeroIn: number;
  zeroOut: number;
  limits: [number, number];
  /** Packs the weights behind a window that is written. */
  pack: Constant["write"];
  blocksBytes: number;
  rawBytes: number;
  /** Room for the inputs of four output pixels. */
  gatheredBytes: number;
  work: number;
}

/** One axis of a moving window: what was before, how far it moves, and what comes out. */
interface Axis {
  size: number;
  kernel: number;
  stride: number;
  before: number;
  out: number;
}

/** Height and width. */
type Size = [number, number];

/** Numbers of options and enumerations in schema.fbs. */
const CONV_2D_OPTIONS = 1;
const DEPTHWISE_OPTIONS = 2;
const SAME = 0;
/** Of kernels.c. */
const WINDOW_BYTES = 80;
const MOST_TAPS = 49;
const PIXELS = 4;
const LANES = 8;
const MOST_DEPTH = 16_384;

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

/** Checks a convolution. */
export function layerOf(operator: Operator, graph: Graph, padding?: Padding): Layer {
  const parts = new Parts(operator, graph);
  const isDepthwise = operator.name === "DEPTHWISE_CONV_2D";
  parts.expectInputs(3);
  const options = parts.options(isDepthwise ? DEPTHWISE_OPTIONS : CONV_2D_OPTIONS);
  const input = padding?.tensor ?? operator.inputs[0];
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
  const taps = kernelHeight * kernelWidth;
  if (isDepthwise && (channels !== filters || channels % LANES || taps > MOST_TAPS)) {
    throw new Refusal(`${channels} channels to ${filters} by a window of ${kernelHeight} x ${kernelWidth}`);
  }
  const isSame = options.int8(0) === SAME;
  const rows = axisOf(height, kernelHeight, options.int32(2), isSame, padding?.rows ?? [0, 0]);
  const columns = axisOf(width, kernelWidth, options.int32(1), isSame, padding?.columns ?? [0, 0]);
  if (rows.out !== outHeight || columns.out !== outWidth) throw new Refusal(`an output of shape ${y.shape}`);
  const [from, to] = [quantizationOf(x), quantizationOf(y)];
  const depth = taps * (isDepthwise ? 1 : channels);
  /** Of one filter or pixel, in the widest of the builds. */
  const depthBytes = 2 * Math.ceil(depth / LANES) * LANES;
  const isPointwise = [rows, columns].every(
    ({ kernel, stride, size, out }) => kernel === 1 && stride === 1 && size === out,
  );
  return {
    name: operator.name,
    input,
    output: parts.output,
    isPointwise: isPointwise && !isDepthwise,
    rows,
    columns,
    channels,
    filters,
    zeroIn: from.zero,
    zeroOut: to.zero,
    limits: activationLimits(options.int8(activationField), to),
    gatheredBytes: isDepthwise ? 0 : room(PIXELS * depthBytes),
    blocksBytes: Math.ceil(filters / LANES) * LANES * (8 + depthBytes),
    ...weightsOf(parts, weights, from.scale, to.scale, isDepthwise),
    work: outHeight * outWidth * depth * (filters + LANES - 1),
  };
}

/** Checks the weights of a convolution; the kernels pack them (`pack` of kernels.c) from raw arrays in scratch. */
function weightsOf(
  parts: Parts,
  weights: Tensor & { content: Uint8Array },
  scaleIn: number,
  scaleOut: number,
  isDepthwise: boolean,
): Pick<Layer, "pack" | "rawBytes"> {
  const axis = isDepthwise ? 3 : 0;
  const filters = weights.shape[axis];
  const depth = weights.elements / filters;
  const { scales, zeroPoints } = weights;
  if (scales.length !== 4 * filters || zeroPoints.length !== 8 * filters || weights.axis !== axis) {
    throw new Refusal("weights that are not quantised by filter");
  }
  if (depth > MOST_DEPTH) throw new Refusal(`sums of ${depth} products`);
  const biases = parts.constant(2, INT32).content;
  if (biases.length !== 4 * filters) throw new Refusal(`${biases.length / 4} biases for ${filters} filters`);
  if (weights.content.includes(-128 & 255)) throw new Refusal("a weight of -128");
  const raw = [weights.content, biases, scales, zeroPoints];
  return {
    rawBytes: raw.reduce((sum, { length }) => sum + room(length), 0),
    pack(kernels, memory, address, scratch) {
      let end = scratch;
      const places = raw.map((bytes) => {
        const start = end;
        memory.set(bytes, start);
        end += room(bytes.length);
        return start;
      });
      if (!kernels.pack(address, Number(isDepthwise), ...places, scaleIn, scaleOut)) {
        throw new Refusal(`${parts.operator.name}: scales out of range, or weights with a zero point`);
      }
    },
  };
}

/** A row of a depthwise convolution's input as wide as its windows reach; two are computed at once. */
function paddedWidth({ columns: { size, kernel, stride, before, out } }: Layer): number {
  return Math.max(before + size, (2 * Math.ceil(out / 2) - 1) * stride + kernel);
}

/** A `Layer` of kernels.c: the window's numbers, then the packed weights. */
function constantOf(layer: Layer, [height, width]: Size, [outHeight, outWidth]: Size): Constant {
  const { rows, columns, channels, filters, zeroIn, zeroOut, limits, pack, blocksBytes, rawBytes } = layer;
  const kernel = [rows.kernel, columns.kernel, rows.stride, columns.stride, rows.before, columns.before];
  const out = [outHeight, outWidth, filters, zeroIn, zeroOut, paddedWidth(layer)];
  const numbers = [height, width, channels, ...kernel, ...out];
  return {
    bytes: WINDOW_BYTES + blocksBytes,
    scratchBytes: rawBytes,
    write(kernels, memory, address, scratch) {
      new Int32Array(memory.buffer, address).set(numbers);
      const places = new Float32Array(memory.buffer, address + 4 * numbers.length, 2);
      places.set(limits.map((limit) => limit - zeroOut));
      pack(kernels, memory, address, scratch);
    },
  };
}

function byRows(layer: Layer): Constant {
  const { rows, columns } = layer;
  return constantOf(layer, [rows.size, columns.size], [rows.out, columns.out]);
}

/** As one long row, so that four pixels always fit. */
function asOneRow(layer: Layer): Constant {
  const size: Size = [1, layer.rows.size * layer.columns.size];
  return constantOf(layer, size, size);
}

export function convolutionStep(layer: Layer): Step {
  return {
    name: layer.name,
    inputs: [layer.input],
    output: layer.output,
    constants: [layer.isPointwise ? asOneRow(layer) : byRows(layer)],
    scratchBytes: layer.gatheredBytes,
    work: layer.work,
    run: (kernels, { inputs: [x], output, constants: [address], scratch }) =>
      kernels.convolve(address, x, output, scratch),
  };
}

/**
 * A depthwise convolution, alone or with its neighbours.
 *
 * @param before the convolution that makes its input
 * @param after the pointwise convolution that reads its output
 */
export function depthwiseStep(before: Layer | undefined, layer: Layer, after: Layer | undefined): Step {
  const layers = [before, layer, after].filter((each) => each !== undefined);
  const ringBytes = room((layer.rows.kernel + 1) * paddedWidth(layer) * layer.channels);
  const lineBytes = after ? room(layer.columns.out * layer.channels) : 0;
  return {
    name: layers.map(({ name }) => name).join(" + "),
    inputs: [layers[0].input],
    output: (after ?? layer).output,
    constants: layers.map(byRows),
    scratchBytes: ringBytes + lineBytes + Math.max(...layers.map(({ gatheredBytes }) => gatheredBytes)),
    work: layers.reduce((sum, { work }) => sum + work, 0),
    run(kernels, { inputs: [x], output, constants, scratch }) {
      const addresses = [...(before ? [] : [0]), ...constants, ...(after ? [] : [0])];
      const line = scratch + ringBytes;
      kernels.convolve_depthwise(...addresses, x, output, scratch, line, line + lineBytes);
    },
  };
}
