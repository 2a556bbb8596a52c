/** What the page and the counting worker say to each other. */

import type { Gate, ProblemJson } from "../sync/protocol";
import type { PictureCount, Sidecar } from "./count-picture";
import type { GateSidecar } from "./gate";

/** The count of one photo, as phone, server and command line write it, and what the phone keeps of the photo. */
export interface CountResult extends PictureCount {
  /** The model that counted, see modelName. */
  model: string;
  /** Decoding included: what a person waits for. */
  ms: number;
  /** How much smaller than the file the browser decoded the photo; 1 for not at all. */
  decoded_scale: number;
  /** The smaller picture, a JPEG. */
  copy: Blob;
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

/** A small picture of what the camera sees now, RGBA. */
export interface Frame {
  width: number;
  height: number;
  rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** What the page wants of the worker: a photo counted, a frame judged, or the time that a tile takes. */
export type Work = { kind: "count"; photo: Blob } | { kind: "judge"; frame: Frame } | { kind: "time" };

/** From the page. The model comes along only when the worker does not hold it yet. */
export interface CountRequest {
  work: Work;
  model: Model | null;
}

/** The last answer to a request that could be met. */
export type Outcome =
  | { kind: "counted"; result: CountResult }
  | { kind: "judged"; gate: Gate }
  | { kind: "timed"; tile_ms: number };

/** From the worker: any number of shares of the work that are done, 0 to 1, and a small picture to show; then one end. */
export type WorkerAnswer =
  | { kind: "progress"; share: number }
  | { kind: "preview"; bitmap: ImageBitmap }
  | Outcome
  | { kind: "problem"; problem: ProblemJson };
