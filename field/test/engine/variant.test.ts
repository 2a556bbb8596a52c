/** The build of the kernels follows what the browser can, tried out. */

import { afterEach, expect, test, vi } from "vitest";
import { chooseVariant } from "../../engine/variant.ts";

afterEach(() => vi.restoreAllMocks());

const signed = (byte: number) => (byte << 24) >> 24;

/** Stands in for a processor: products of bytes, the second operand as `read` takes it, pairs cut by `cut`. */
function processor(read: (byte: number) => number, cut = (pair: number) => pair): void {
  const product = (a: number, b: number, at: number) => signed(a >> at) * read((b >> at) & 255);
  const pair = (a: number, b: number, at: number) => cut(product(a, b, at) + product(a, b, at + 8));
  vi.spyOn(WebAssembly, "Module").mockImplementation(class {} as never);
  vi.spyOn(WebAssembly, "Instance").mockImplementation(
    class {
      exports = { d: (a: number, b: number) => pair(a, b, 0) + pair(a, b, 16) };
    } as never,
  );
  vi.spyOn(WebAssembly, "validate").mockReturnValue(true);
}

test("relaxed where int8 times int8 is exact", () => {
  processor(signed);
  expect(chooseVariant()).toBe("relaxed");
});

test("simd where relaxed takes an operand as unsigned", () => {
  processor((byte) => byte);
  expect(chooseVariant()).toBe("simd");
});

test("simd where relaxed cuts sums of two at 16 bits", () => {
  processor(signed, (pair) => Math.max(-32_000, Math.min(32_000, pair)));
  expect(chooseVariant()).toBe("simd");
});

test("plain where there are no vectors", () => {
  vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
  expect(chooseVariant()).toBe("plain");
});

test("the little modules that try it out are sound, and so is what this processor says", () => {
  expect(["relaxed", "simd"]).toContain(chooseVariant());
});
