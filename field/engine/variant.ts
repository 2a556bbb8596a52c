/** Which build of the kernels this processor and this browser run fastest and exactly; tried out, not looked up. */

/** `relaxed` multiplies int8 by fours, `simd` int16 by twos, `plain` does without vectors. All give the same bytes. */
export type Variant = "plain" | "simd" | "relaxed";

/** (a, b) => the sum of the four products of their bytes, in the first lane of i32x4.relaxed_dot_i8x16_i7x16_add_s. */
const RELAXED = bytes(
  "0061736d 01000000 01070160027f7f017f 03020100 07050101640000",
  "0a16011400 2000fd11 2001fd11 4100fd11 fd9302 fd1b00 0b",
);
/** () => the first lane of a splat. */
const SIMD = bytes("0061736d 01000000 0105016000017f 03020100 0a0b0109 00 4100fd11 fd1b00 0b");

/**
 * Pairs whose sums of two are the largest that the kernels meet, with every sign. Browsers may take the second operand
 * as unsigned, or cut sums at 16 bits: then the build is not for them.
 */
const PAIRS = [
  [0x7f7f7f7f, 0x7f7f7f7f],
  [0x7f7f7f7f, 0x80808080],
  [0x81818181, 0x80808080],
  [0x81818181, 0x7f7f7f7f],
  [0x7f81017f, 0x80ff80c0],
];

export function chooseVariant(): Variant {
  if (WebAssembly.validate(RELAXED) && multipliesExactly()) return "relaxed";
  return WebAssembly.validate(SIMD) ? "simd" : "plain";
}

function multipliesExactly(): boolean {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(RELAXED));
  const dot = exports.d as (a: number, b: number) => number;
  return PAIRS.every(([a, b]) => dot(a, b) === [0, 8, 16, 24].reduce((sum, at) => sum + byte(a, at) * byte(b, at), 0));
}

/** A byte of a word, with its sign. */
function byte(word: number, at: number): number {
  return (word << (24 - at)) >> 24;
}

function bytes(...hex: string[]): Uint8Array<ArrayBuffer> {
  const digits = hex.join("").replaceAll(" ", "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16),
  );
}
