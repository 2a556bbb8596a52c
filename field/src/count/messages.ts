/** What the page and the counting worker say to each other. */

import type { ProblemJson } from "../sync/protocol";
import type { PictureCount, Sidecar } from "./count-picture";
import type { GateSidecar } from "./gate";

/** The count of one photo, as phone, server and command line write it. */
export interface CountResult extends PictureCount {
  /** The model that counted, see modelName. */
  model: string;
  /** Decoding included: what a person waits for. */
  ms: number;
  /** How much smaller than the file the browser decoded the photo; 1 for not at all. */
  decoded_scale: number;
}

/** A model, ready to load, and the gate that looks at a photo before it is counted. */
export interface Model {
  tflite: Uint8Array;
  sidecar: Sidecar;
  gate: { tflite: Uint8Array; sidecar: GateSidecar } | null;
}

/** How observations name a model: by its release, and by its size too where that is not the usual one. */
export function modelName({ version, name }: Pick<Sidecar, "version" | "name">): string {
  return name === "small" ? version : `${version}.${name}`;
}

/**
 * From the page: count this photo, or without one tell how long a tile takes. The model comes along only when the worker
 * does not hold it yet.
 */
export interface CountRequest {
  photo: Blob | null;
  model: Model | null;
}

/** The last answer to a request that could be met. */
export type Outcome = { kind: "counted"; result: CountResult } | { kind: "timed"; tile_ms: number };

/** From the worker: any number of shares of the work that are done, 0 to 1, then one end. */
export type WorkerAnswer = { kind: "progress"; share: number } | Outcome | { kind: "problem"; problem: ProblemJson };
