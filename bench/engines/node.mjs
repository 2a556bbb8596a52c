/** Our engine in Node, for bench/engine.py: a line with a number makes it run so often. */

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [bundle, folder] = process.argv.slice(2);
const { chooseVariant, open } = await import(bundle);
const read = (name) => readFileSync(`${folder}/${name}`);
const run = await open(read(`kernels-${chooseVariant()}.wasm`), read("model.tflite"));
const pixels = new Uint8Array(read("pixels.bin"));

for await (const line of createInterface({ input: process.stdin })) {
  for (let times = Number(line); times > 0; times--) run(pixels);
  console.log("done");
}
