/** What the app's engine says when it cannot count. */

import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { Int8Engine } from "../../src/count/int8-engine";
import { repositoryPath } from "../golden";

const kernels = async () => readFileSync(repositoryPath("field/engine/kernels-simd.wasm"));

test("a model that the engine does not take is a release that cannot be understood, and says why", async () => {
  await expect(new Int8Engine(kernels).load(new Uint8Array(99))).rejects.toMatchObject({
    number: "422.20",
    params: { name: "small.tflite", detail: "this is not a .tflite file" },
  });
});

test("kernels that were never downloaded are fetched at the next count", async () => {
  const fetched = vi.spyOn(globalThis, "fetch").mockRejectedValueOnce(new TypeError("offline"));
  const engine = new Int8Engine();
  await expect(engine.load(new Uint8Array(99))).rejects.toMatchObject({ number: "503.2" });
  fetched.mockResolvedValueOnce(new Response(new Uint8Array(await kernels())));
  await expect(engine.load(new Uint8Array(99))).rejects.toMatchObject({ number: "422.20" });
  fetched.mockRestore();
});
