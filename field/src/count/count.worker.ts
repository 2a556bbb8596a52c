/**
 * Owns the network: a photo comes in, its count goes out. Station 2 of 9.
 *
 * One request at a time; the page keeps the queue, and ends this worker to stop a count or to free its memory.
 * Next: station 3, `store/outbox.ts`, keeps the observation.
 */

import { preview, smallCopy } from "../photo/copy";
import { decodePhoto } from "../photo/decode";
import { asProblem, problemJson } from "../problem";
import type { Gate } from "../sync/protocol";
import { countPicture, type Sidecar } from "./count-picture";
import { judge, judgeLight, lightOf, type OpenGate } from "./gate";
import { Int8Engine } from "./int8-engine";
import {
  type CountRequest,
  type CountResult,
  type Frame,
  type Model,
  modelName,
  type Outcome,
  type Work,
  type WorkerAnswer,
} from "./messages";
import { Sizes } from "./preprocess";

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
    answer(await outcomeOf(data.work));
  } catch (error) {
    answer({ kind: "problem", problem: problemJson(asProblem(error)) });
  }
};

function answer(message: WorkerAnswer, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}

async function outcomeOf(work: Work): Promise<Outcome> {
  switch (work.kind) {
    case "count":
      return { kind: "counted", result: await count(work.photo) };
    case "judge":
      return { kind: "judged", gate: await judgeFrame(work.frame) };
    case "time":
      return { kind: "timed", tile_ms: await timeTile() };
  }
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
  const bitmap = preview(sizes);
  answer({ kind: "preview", bitmap }, [bitmap]);
  const onProgress = (done: number) => answer({ kind: "progress", share: DECODED + (1 - DECODED) * done });
  const counted = await countPicture(sizes, sidecar, engine, onProgress, gate);
  const copy = await smallCopy(sizes);
  const ms = Math.round(performance.now() - started);
  return { ...counted, model: modelName(sidecar), ms, decoded_scale, copy };
}

/** The gate's opinion of what the camera sees now. */
async function judgeFrame({ width, height, rgba }: Frame): Promise<Gate> {
  const sizes = new Sizes({ width, height });
  sizes.push(rgba);
  if (gate) return judge(sizes, gate);
  if (!sidecar) throw new Error("a frame came before a model");
  return judgeLight(lightOf(sizes), sidecar.gate);
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
