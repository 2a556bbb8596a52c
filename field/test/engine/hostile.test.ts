/** A cut-off, damaged or hostile .tflite is refused with a reason or gives as many bytes as the model promises. */

import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { Refusal } from "../../engine/flatbuffer.ts";
import { Network } from "../../engine/network.ts";
import { goldenJson, repositoryPath } from "../golden";

const MUTANTS = Number(process.env.ENGINE_MUTANTS ?? 4000);
const files = goldenJson<{ name: string; file: string }[]>("engine.json")
  .filter(({ name }) => name.startsWith("network") || name.endsWith(" 1"))
  .map(({ file }) => Buffer.from(file, "base64"));

let kernels: WebAssembly.Module;

beforeAll(async () => {
  kernels = await WebAssembly.compile(readFileSync(repositoryPath("field/engine/kernels-simd.wasm")));
});

async function opened(file: Uint8Array): Promise<Network | Refusal> {
  try {
    return await Network.open(kernels, file);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** Numbers that come out alike each time (xorshift). */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % sides;
  };
}

test("mutants are refused, or run within their memory", async () => {
  const roll = dice(20_261_125);
  let ran = 0;
  let slowest_ms = 0;
  for (let index = 0; index < MUTANTS; index++) {
    const mutant = Uint8Array.from(files[index % files.length]);
    const view = new DataView(mutant.buffer);
    for (let flips = 1 + roll(4); flips > 0; flips--) {
      const at = roll(mutant.length - 4);
      if (roll(3) === 0) view.setInt32(at, [0, -1, 0x7fffffff, -0x80000000, 65_536][roll(5)], true);
      else mutant[at] ^= 1 << roll(8);
    }
    const started = performance.now();
    const network = await opened(roll(10) === 0 ? mutant.subarray(0, roll(mutant.length)) : mutant);
    if (network instanceof Network) {
      const outputs = network.run(...network.inputBytes.map((length) => new Uint8Array(length).fill(roll(256))));
      expect(outputs.map(({ length }) => length)).toEqual(network.outputBytes);
      ran++;
    }
    slowest_ms = Math.max(slowest_ms, performance.now() - started);
  }
  expect(ran).toBeGreaterThan(MUTANTS / 10);
  expect(ran).toBeLessThan(MUTANTS);
  expect(slowest_ms).toBeLessThan(20_000);
}, 600_000);

test("a file that is cut off anywhere is refused or whole", async () => {
  const [file] = files;
  for (let length = 0; length < file.length; length += 7) {
    const network = await opened(file.subarray(0, length));
    if (network instanceof Network) expect(length).toBeGreaterThan(file.length / 2);
  }
});

test("what is no model says so", async () => {
  expect(await opened(new TextEncoder().encode("a letter, and not a model at all"))).toMatchObject({
    message: "this is not a .tflite file",
  });
  expect(await opened(new Uint8Array())).toBeInstanceOf(Refusal);
});

test("an operator that the engine lacks is refused by its name", async () => {
  // The byte that says CONV_2D is not known by its place: every 3 becomes HARD_SWISH once.
  const reasons: string[] = [];
  for (const [at, value] of files.at(-1)?.entries() ?? []) {
    if (value !== 3) continue;
    const mutant = Uint8Array.from(files.at(-1) ?? []);
    mutant[at] = 117;
    const network = await opened(mutant);
    if (network instanceof Refusal) reasons.push(network.message);
  }
  expect(reasons).toContain("HARD_SWISH is not among the operators of this engine");
});
