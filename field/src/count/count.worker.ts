/**
 * Owns the network: a photo comes in, its count goes out. Station 2 of 9.
 *
 * One request at a time; the page keeps the queue, and ends this worker to stop a count or to free its memory.
 * Next: station 3, `store/outbox.ts`, keeps the observation.
 */

import { decodePhoto } from "../photo/decode";
import { asProblem, problemJson } from "../problem";
import { countPicture, type Sidecar } from "./count-picture";
import type { OpenGate } from "./gate";
import { Int8Engine } from "./int8-engine";
import { type CountRequest, type CountResult, type Model, modelName, type WorkerAnswer } from "./messages";

/** Shares of the work that are done when reading and counting begin; seen in Chromium with a 12 megapixel photo. */
const LOADED = 0.02;
const DECODED = 0.25;
/** The fastest run says what the phone can do; the first one warms it up. */
const TIMED_RUNS = 3;

const engine = new Int8Engine();
const gateEngine = new Int8Engine();
let sidecar: Sidecar | undefined;
let gate: OpenGate | undefined;

self.onmessage = async ({ data }: MessageEvent<CountRequest>) => {
  try {
    if (data.model) await load(data.model);
    if (data.photo) answer({ kind: "counted", result: await count(data.photo) });
    else answer({ kind: "timed", tile_ms: await timeTile() });
  } catch (error) {
    answer({ kind: "problem", problem: problemJson(asProblem(error)) });
  }
};

function answer(message: WorkerAnswer): void {
  self.postMessage(message);
}

async function load(model: Model): Promise<void> {
  await engine.load(model.tflite);
  sidecar = model.sidecar;
  gate = undefined;
  if (model.gate) {
    await gateEngine.load(model.gate.tflite);
    gate = { sidecar: model.gate.sidecar, engine: gateEngine };
  }
}

async function count(photo: Blob): Promise<CountResult> {
  if (!sidecar) throw new Error("a photo came before a model");
  answer({ kind: "progress", share: LOADED });
  const started = performance.now();
  const { sizes, decoded_scale } = await decodePhoto(photo);
  const onProgress = (done: number) => answer({ kind: "progress", share: DECODED + (1 - DECODED) * done });
  const counted = await countPicture(sizes, sidecar, engine, onProgress, gate);
  const ms = Math.round(performance.now() - started);
  return { ...counted, model: modelName(sidecar), ms, decoded_scale };
}

/** Milliseconds that the network takes for one tile; what lies on it does not matter. */
async function timeTile(): Promise<number> {
  if (!sidecar) throw new Error("asked for the time before a model came");
  const tile = new Uint8Array(sidecar.tile_px ** 2 * 3);
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < TIMED_RUNS; run++) {
    const started = performance.now();
    await engine.run(tile);
    fastest = Math.min(fastest, performance.now() - started);
  }
  return fastest;
}
