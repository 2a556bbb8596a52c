/** What the service worker keeps, when it is fetched, and how long it stays. */

import type { Variant } from "../../engine/variant.ts";
import { fnv1a } from "../fnv1a.ts";

/** A built file: its path below the app's address, the beginning of its SHA-256, and its length whole and as it travels. */
export interface AppFile {
  path: string;
  hash: string;
  bytes: number;
  sent: number;
  /** A script or style that the page cannot start without. */
  first?: true;
}

/**
 * - `shell`: what choosing a language, keeping traps and counting by hand need; fetched at once, replaced as a whole with each version.
 * - `lasting`: engine, model, the list of districts and the scripts of rare screens; fetched behind the shell, kept over versions by their hash.
 * - `wanted`: catalogues, talukas of each state, large icons, the engine's builds for other processors, and whatever else
 *   there is; kept from the first time that somebody asks.
 */
export type Kind = "shell" | "lasting" | "wanted";

const SHELL = /^(index\.html|manifest\.webmanifest)$/;
/** Fetched behind the shell: scripts of rare screens, models, and the districts, which a new trap may do without. */
const LASTING = /^(assets\/|models\/|places\.json$)/;

/** @param variant the build of the engine that this phone takes */
export function kindOf({ path, first }: Pick<AppFile, "path" | "first">, variant: Variant): Kind {
  if (first || SHELL.test(path)) return "shell";
  const [, kernels] = path.match(/\/kernels-(plain|simd|relaxed)[^/]*\.wasm$/) ?? [];
  if (kernels && kernels !== variant) return "wanted";
  // A golden picture serves to check the next release, and is fetched when there is one.
  if (path.endsWith("/golden.png")) return "wanted";
  return LASTING.test(path) ? "lasting" : "wanted";
}

export function filesOf(kind: Kind, files: readonly AppFile[], variant: Variant): AppFile[] {
  return files.filter((file) => kindOf(file, variant) === kind);
}

/** Names one version of the app: changes when any of its files does. */
export function shellName(files: readonly AppFile[]): string {
  const text = files.map(({ path, hash }) => `${path} ${hash}`).join("\n");
  // Not a SHA: it has to be at hand before the first await.
  return `pestwatch-shell-${fnv1a(text).toString(16).padStart(8, "0")}`;
}

/** Under what a lasting file is kept: its address and what it holds. */
export function lastingKey({ path, hash }: AppFile): string {
  return `${path}?h=${hash}`;
}

/** Under what the beginning of a lasting file is kept, as long as the rest has not come. */
export function partKey(file: AppFile): string {
  return `${lastingKey(file)}&part`;
}

/** How to fetch a file: under a name with a hash in it from the browser's cache, else only after asking whether it is fresh. */
export function cacheMode({ path }: AppFile): RequestCache {
  return path.startsWith("assets/") ? "default" : "no-cache";
}

/** Whether this is the file that was built: a captive portal answers with 200 as well, and a server may be ahead of us. */
export async function isAsBuilt({ hash }: AppFile, content: BufferSource): Promise<boolean> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const hex = Array.from(digest.subarray(0, hash.length / 2), (byte) => byte.toString(16).padStart(2, "0"));
  return hex.join("") === hash;
}

export const sumOf = (files: readonly AppFile[], which: "bytes" | "sent"): number =>
  files.reduce((sum, file) => sum + file[which], 0);

/** On which channel the service worker says how far engine and model have come. */
export const ARRIVAL_CHANNEL = "pestwatch-arrival";
/** Tag of the Background Sync that goes on with them. */
export const BRING_TAG = "bring";

export interface Arrival {
  /** `stopped`: the connection broke; it goes on by itself. */
  state: "coming" | "stopped" | "here";
  /** 0 to 1. */
  share: number;
}
