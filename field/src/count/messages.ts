/** What the page and the counting worker say to each other. */

import type { ProblemJson } from "../sync/protocol";
import type { PictureCount, Sidecar } from "./count-picture";

/** The count of one photo, as phone, server and command line write it. */
export interface CountResult extends PictureCount {
  /** Version of the model that counted. */
  model: string;
  /** Decoding included: what a person waits for. */
  ms: number;
  /** How much smaller than the file the browser decoded the photo; 1 for not at all. */
  decoded_scale: number;
}

/** A model, ready to load. */
export interface Model {
  tflite: Uint8Array;
  sidecar: Sidecar;
}

/** From the page: count this. The model comes along only when the worker does not hold it yet. */
export interface CountRequest {
  photo: Blob;
  model: Model | null;
}

/** From the worker: any number of shares of the work that are done, 0 to 1, then one end. */
export type WorkerAnswer =
  | { kind: "progress"; share: number }
  | { kind: "counted"; result: CountResult }
  | { kind: "problem"; problem: ProblemJson };
