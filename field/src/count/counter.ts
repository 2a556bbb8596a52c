/**
 * The page's side of counting: one queue, abortable, and the network leaves memory when nobody counts.
 */

import { Problem, type ProblemNumber } from "../problem";
import { modelInUse } from "../release/shelf";
import type { Gate } from "../sync/protocol";
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

/** About as long as a farmer takes from one trap to the next photo. */
const IDLE_MS = 60_000;

export interface CountOptions {
  signal?: AbortSignal;
  /** Told the share of the work that is done, 0 to 1. */
  onProgress?: (share: number) => void;
  /** Given a small picture of the photo once it is decoded. */
  onPreview?: (bitmap: ImageBitmap) => void;
}

function startWorker(): Worker {
  return new Worker(new URL("./count.worker.ts", import.meta.url), { type: "module", name: "count" });
}

export class Counter {
  readonly #start: () => Worker;
  #worker: Worker | undefined;
  /** The model that the worker holds. */
  #loaded: string | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #idle: ReturnType<typeof setTimeout> | undefined;
  #timing: AbortController | undefined;

  constructor(start: () => Worker = startWorker) {
    this.#start = start;
  }

  /**
   * Counts a photo, after those that were asked for before it.
   *
   * @throws Problem 422.1 to 422.4 for photos that cannot be counted; the signal's reason when aborted
   */
  async count(photo: Blob, model: Model, options: CountOptions = {}): Promise<CountResult> {
    this.#timing?.abort();
    const outcome = await this.#inTurn({ kind: "count", photo }, model, options);
    if (outcome.kind !== "counted") throw new Error("the worker did not count what it was to count");
    return outcome.result;
  }

  /**
   * Times one tile, in milliseconds. No photo waits for it: one that comes meanwhile ends the timing.
   *
   * @throws the abort's reason when a photo came
   */
  async time(model: Model): Promise<number> {
    this.#timing = new AbortController();
    const outcome = await this.#inTurn({ kind: "time" }, model, { signal: this.#timing.signal });
    if (outcome.kind !== "timed") throw new Error("the worker did not time what it was to time");
    return outcome.tile_ms;
  }

  /**
   * Loads the network and lets it run, so that the browser has made it fast when the photo comes.
   *
   * The photo waits for it, other than for a timing: it would have to do the same first.
   */
  async warmUp(model: Model): Promise<void> {
    if (!this.#loaded) await this.#inTurn({ kind: "time" }, model, {});
  }

  /** What the gate says of a frame of the camera; a hundredth of what a count takes. */
  async judge(frame: Frame, model: Model): Promise<Gate> {
    const outcome = await this.#inTurn({ kind: "judge", frame }, model, {});
    if (outcome.kind !== "judged") throw new Error("the worker did not judge what it was to judge");
    return outcome.gate;
  }

  /** Frees the network's memory now. */
  unload(): void {
    clearTimeout(this.#idle);
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#loaded = undefined;
  }

  #inTurn(work: Work, model: Model, options: CountOptions): Promise<Outcome> {
    const turn = this.#last.then(() => this.#ask(work, model, options));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #ask(work: Work, model: Model, options: CountOptions): Promise<Outcome> {
    options.signal?.throwIfAborted();
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    const wanted = `${modelName(model.sidecar)} ${model.gate?.sidecar.version}`;
    const request: CountRequest = { work, model: this.#loaded === wanted ? null : model };
    try {
      const outcome = await this.#exchange(this.#worker, request, options);
      this.#loaded = wanted;
      return outcome;
    } catch (error) {
      this.#loaded = undefined; // it may have been the model; loading it again costs little
      throw error;
    } finally {
      this.#idle = setTimeout(() => this.unload(), IDLE_MS);
    }
  }

  /** Sends a request and waits for its end. */
  #exchange(worker: Worker, request: CountRequest, options: CountOptions): Promise<Outcome> {
    const { signal, onProgress, onPreview } = options;
    return new Promise((resolve, reject) => {
      // A count cannot be interrupted from within: its worker goes, and the next count starts a new one.
      const stop = () => {
        this.unload();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", stop, { once: true });
      const settle = (end: () => void) => {
        signal?.removeEventListener("abort", stop);
        end();
      };
      worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
        if (data.kind === "progress") onProgress?.(data.share);
        else if (data.kind === "preview") onPreview?.(data.bitmap);
        else if (data.kind !== "problem") settle(() => resolve(data));
        else settle(() => reject(new Problem(data.problem.number as ProblemNumber, data.problem.params)));
      };
      worker.onerror = (event) => {
        this.unload();
        settle(() => reject(new Problem("500.2", { detail: event.message || "the counting worker stopped" })));
      };
      worker.postMessage(request);
    });
  }
}

/** The one counter of this page: an engine takes its 10 MB at once, so there are never two. */
export const counter = new Counter();

/** Counts a photo with the model that this phone uses now; throws as Counter.count does. */
export async function countPhoto(photo: Blob, options: CountOptions = {}): Promise<CountResult> {
  return counter.count(photo, await modelInUse(), options);
}

/** For the moment in which a farmer frames the photo; what goes wrong now is said when it is counted. */
export async function warmUp(): Promise<void> {
  await modelInUse()
    .then((model) => counter.warmUp(model))
    .catch(() => {});
}
