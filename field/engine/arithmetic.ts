/**
 * The numbers that XNNPACK prepares before it computes, rounded where it rounds: in float32 (`Math.fround`), in its order.
 *
 * Exactness hangs on these lines; field/test/engine holds each against XNNPACK itself.
 */

import { Refusal } from "./flatbuffer.ts";

const f32 = Math.fround;

/** Scale and zero point of a tensor: value = scale * (q - zero). */
export interface Quantization {
  scale: number;
  zero: number;
}

/** To the nearest integer; a tie goes to the even one, as lrintf does. */
export function nearestEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below + (below & 1);
}

/** NONE, RELU, RELU_N1_TO_1, RELU6: the limits of the value. */
const ACTIVATIONS: Record<number, [number, number]> = {
  0: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  1: [0, Number.POSITIVE_INFINITY],
  2: [-1, 1],
  3: [0, 6],
};

/** The int8 values between which an activation keeps the output. Source: XNNPACK xnn_qs8_quantize. */
export function activationLimits(activation: number, { scale, zero }: Quantization): [number, number] {
  const limits = ACTIVATIONS[activation];
  if (!limits) throw new Refusal(`activation ${activation}`);
  const [lowest, highest] = limits.map((value) =>
    nearestEven(Math.min(Math.max(f32(f32(value / f32(scale)) + zero), -128), 127)),
  );
  if (!(lowest < highest)) throw new Refusal(`activation ${activation} that leaves one value`);
  return [lowest, highest];
}

export interface Addition {
  a: number;
  b: number;
  bias: number;
  shift: number;
}

/**
 * Multipliers of 20 bits for y = (bias + a * x_a + b * x_b) >> shift.
 *
 * Source: XNNPACK src/microparams-init.c, xnn_init_qs8_add_minmax_*; src/subgraph/add.c for the limits: outside of them
 * TFLite adds with another kernel.
 */
export function additionMultipliers(a: Quantization, b: Quantization, y: Quantization): Addition {
  const [a_scale, b_scale] = [a, b].map(({ scale }) => f32(f32(scale) / f32(y.scale)));
  if (![a_scale, b_scale].every((scale) => scale >= 2 ** -10 && scale < 2 ** 8)) {
    throw new Refusal("an ADD of too different scales");
  }
  const shift = 20 - exponent(Math.max(a_scale, b_scale));
  const [a_multiplier, b_multiplier] = [a_scale, b_scale].map((scale) => nearestEven(scale * 2 ** shift));
  const bias = 2 ** (shift - 1) - a_multiplier * a.zero - b_multiplier * b.zero;
  return { a: a_multiplier, b: b_multiplier, bias, shift };
}

/** The exponent of a float32, from its bits. */
function exponent(value: number): number {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer);
  return (bits >>> 23) - 127;
}

/** How near to a tie XNNPACK's own float approximation may decide otherwise than we do; measured: 9e-6. */
const TIE = 2e-5;

/**
 * LOGISTIC of each int8, by its byte: 256 * 1 / (1 + exp(-x)) - 128.
 *
 * XNNPACK makes the same table in float32. A network in which that could matter is refused.
 */
export function logisticTable({ scale, zero }: Quantization): Uint8Array {
  const table = new Uint8Array(256);
  for (let q = -128; q < 128; q++) {
    const value = 256 / (1 + Math.exp(-f32(scale) * (q - zero)));
    if (value < 255.4 && Math.abs((value % 1) - 0.5) < TIE) throw new Refusal("a LOGISTIC too near to a tie");
    table[q & 255] = Math.min(Math.round(value), 255) - 128;
  }
  return table;
}

/**
 * Where each of `out` rows or columns lies between two of `size`, with half-pixel centres, as (before, after, share of
 * 2048). Source: XNNPACK src/indirection.c, xnn_indirection_init_resize_bilinear2d.
 */
export function positionsBetween(size: number, out: number): Int32Array {
  const scale = f32(f32(size) / f32(out));
  const offset = f32(f32(0.5 * scale) - 0.5);
  const positions = new Int32Array(3 * out);
  for (let index = 0; index < out; index++) {
    const at = Math.min(Math.max(f32(f32(index * scale) + offset), 0), size - 1);
    const before = Math.floor(at);
    const share = nearestEven(f32(f32(at - before) * 2048));
    positions.set([before, Math.min(before + 1, size - 1), share], 3 * index);
  }
  return positions;
}
