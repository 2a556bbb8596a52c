/** The engine gives XNNPACK's bytes: operators one by one, random small networks, and the released counter. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Refusal } from "../../engine/flatbuffer.ts";
import { Network } from "../../engine/network.ts";
import { repositoryPath, sha256 } from "../golden";

interface Case {
  name: string;
  /** How the inputs are drawn: null for all pairs of int8, -1 for all int8. */
  seed: number | null;
  sha256: string[];
  file: string;
}

/** Made by tests/golden/engine_golden.py, which can also make thousands more. */
const GOLDEN = process.env.ENGINE_GOLDEN ?? repositoryPath("tests/golden/engine.json");
const cases = JSON.parse(readFileSync(GOLDEN, "utf-8")) as Case[];

/** Twin: `drawn` in engine_golden.py. */
function drawn(seed: number, length: number): Uint8Array {
  if (seed === -1) return Uint8Array.from({ length }, (_, index) => index);
  if (seed % 7 === 5) return new Uint8Array(length).fill([0, 127, 128, 255][Math.floor(seed / 7) % 4]);
  const state = (index: number) => Math.imul(index + seed * 1_000_003, 2_654_435_761) >>> 0;
  return Uint8Array.from({ length }, (_, index) => (seed % 7 ? state(index) >>> 16 : (state(index) >>> 31) * 255));
}

test("the built kernels come from the source that lies beside them", () => {
  for (const line of readFileSync(repositoryPath("field/engine/kernels.sha256"), "utf-8").trim().split("\n")) {
    const [expected, name] = line.split("  ");
    expect(sha256(readFileSync(repositoryPath(`field/engine/${name}`))), `${name}: run make engine`).toBe(expected);
  }
});

/** The third, relaxed, is exact only on some processors: tests/unit/vision/test_wasm_engine.py runs it everywhere. */
test.each(["simd", "plain"])(
  "%s: every operator and every small network gives the bytes of XNNPACK",
  async (variant) => {
    const kernels = await WebAssembly.compile(readFileSync(repositoryPath(`field/engine/kernels-${variant}.wasm`)));
    const unequal: string[] = [];
    const refused: string[] = [];
    for (const { name, seed, sha256: expected, file } of cases) {
      try {
        const network = await Network.open(kernels, Buffer.from(file, "base64"));
        const all = Uint8Array.from({ length: 65_536 }, (_, index) => index);
        const pairs = [all.map((_, index) => index >> 8), all];
        const inputs = seed === null ? pairs : network.inputBytes.map((length) => drawn(seed, length));
        if (
          network
            .run(...inputs)
            .map(sha256)
            .join() !== expected.join()
        )
          unequal.push(name);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refused.push(`${name}: ${error.message}`);
      }
    }
    expect(unequal).toEqual([]);
    // XNNPACK takes neither a RELU6 that leaves one value, nor do we a LOGISTIC that hangs on its last bit.
    expect(refused.filter((text) => !/near to a tie|leaves one value/.test(text))).toEqual([]);
    expect(refused.length).toBeLessThan(cases.length / 20);
  },
  60_000 + 1000 * cases.length,
);
