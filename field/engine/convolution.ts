/**
 * CONV_2D and DEPTHWISE_CONV_2D: what they may look like, their weights as the kernels read them, and their steps.
 *
 * A depthwise convolution takes the convolution before it and the pointwise one after it into its own step where nothing
 * else reads what lies between: of those pictures only a few rows exist at a time.
 */

import { activationLimits, type Quantization, requantizationScale } from "./arithmetic.ts";
import { Refusal } from "./flatbuffer.ts";
import { int32sOf, Parts, pictureOf, quantizationOf } from "./parts.ts";
import { room, type Step } from "./step.ts";
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
  packed: ArrayBuffer;
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

/**
 * Checks a convolution and packs its weights.
 *
 * @param group how many inputs the kernels multiply as one: `group_size` of kernels.c
 */
export function layerOf(operator: Operator, graph: Graph, group: number, padding?: Padding): Layer {
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
    packed: packWeights(parts, weights, from, to, isDepthwise, group),
    gatheredBytes: isDepthwise ? 0 : room(PIXELS * groupsOf(depth, group, isDepthwise) * 4),
    work: outHeight * outWidth * depth * (filters + LANES - 1),
  };
}

/** How many groups so many products fill; a convolution takes two at a time. */
function groupsOf(depth: number, group: number, isDepthwise: boolean): number {
  return isDepthwise ? Math.ceil(depth / group) : 2 * Math.ceil(depth / (2 * group));
}

/**
 * Weights as the kernels read them: blocks of eight filters (`Block` of kernels.c), each with its biases, its scales and
 * its weights. A group fills 32 bits, so its weights are int16 in a group of two and int8 in one of four; what is left
 * of the last group is 0.
 */
function packWeights(
  parts: Parts,
  weights: Tensor & { content: Uint8Array },
  from: Quantization,
  to: Quantization,
  isDepthwise: boolean,
  group: number,
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
  if (values.includes(-128)) throw new Refusal("a weight of -128");
  const groups = groupsOf(depth, group, isDepthwise);
  const blockBytes = LANES * (4 + 4 + 4 * groups);
  const packed = new ArrayBuffer(Math.ceil(filters / LANES) * blockBytes);
  const words = new Int32Array(packed);
  const floats = new Float32Array(packed);
  const operands = group === 4 ? new Int8Array(packed) : new Int16Array(packed);
  for (let n = 0; n < filters; n++) {
    const lane = n % LANES;
    const block = (Math.floor(n / LANES) * blockBytes) / 4;
    const first = (block + 2 * LANES + lane) * group;
    let sum = 0;
    for (let k = 0; k < depth; k++) {
      const value = values[isDepthwise ? k * filters + n : n * depth + k];
      sum += value;
      operands[first + Math.floor(k / group) * LANES * group + (k % group)] = value;
    }
    words[block + lane] = biases[n] - from.zero * sum;
    floats[block + LANES + lane] = requantizationScale(from.scale, scales[n], to.scale);
  }
  return packed;
}

/** A row of a depthwise convolution's input as wide as its windows reach; two are computed at once. */
function paddedWidth({ columns: { size, kernel, stride, before, out } }: Layer): number {
  return Math.max(before + size, (2 * Math.ceil(out / 2) - 1) * stride + kernel);
}

/** A `Layer` of kernels.c: the window's numbers, then the packed weights. */
function bytesOf(layer: Layer, [height, width]: Size, [outHeight, outWidth]: Size): ArrayBuffer {
  const { rows, columns, channels, filters, zeroIn, zeroOut, limits, packed } = layer;
  const bytes = new Uint8Array(WINDOW_BYTES + packed.byteLength);
  const kernel = [rows.kernel, columns.kernel, rows.stride, columns.stride, rows.before, columns.before];
  const out = [outHeight, outWidth, filters, zeroIn, zeroOut, paddedWidth(layer)];
  const numbers = [height, width, channels, ...kernel, ...out];
  new Int32Array(bytes.buffer).set(numbers);
  new Float32Array(bytes.buffer).set(
    limits.map((limit) => limit - zeroOut),
    numbers.length,
  );
  bytes.set(new Uint8Array(packed), WINDOW_BYTES);
  return bytes.buffer;
}

function byRows(layer: Layer): ArrayBuffer {
  const { rows, columns } = layer;
  return bytesOf(layer, [rows.size, columns.size], [rows.out, columns.out]);
}

/** As one long row, so that four pixels always fit. */
function asOneRow(layer: Layer): ArrayBuffer {
  const size: Size = [1, layer.rows.size * layer.columns.size];
  return bytesOf(layer, size, size);
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
