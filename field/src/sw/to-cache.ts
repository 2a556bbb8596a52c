/** What the service worker keeps, and how long. */

import type { Variant } from "../../engine/variant.ts";

/** A built file: its path below the app's address, and the beginning of its SHA-256. */
export interface AppFile {
  path: string;
  hash: string;
}

/**
 * - `shell`: the app itself; fetched at once, replaced as a whole with each version.
 * - `lasting`: engine and model, large and seldom changed; fetched at once, kept over versions by their hash.
 * - `wanted`: catalogues of other languages, talukas of each state, large icons, and the engine's builds for other processors; kept from the
 *   first time that somebody asks.
 */
export type Kind = "shell" | "lasting" | "wanted";

/** @param variant the build of the engine that this phone takes */
export function kindOf(path: string, variant: Variant): Kind {
  const [, kernels] = path.match(/\/kernels-(plain|simd|relaxed)[^/]*\.wasm$/) ?? [];
  if (kernels && kernels !== variant) return "wanted";
  if (path.startsWith("models/") || path.endsWith(".wasm")) return "lasting";
  if (path.startsWith("icons/") || path.startsWith("places/")) return "wanted";
  return path.startsWith("i18n/") && path !== "i18n/en.json" ? "wanted" : "shell";
}

export function filesOf(kind: Kind, files: readonly AppFile[], variant: Variant): AppFile[] {
  return files.filter((file) => kindOf(file.path, variant) === kind);
}

/** Names one version of the app: changes when any of its files does. */
export function shellName(files: readonly AppFile[]): string {
  const text = files.map(({ path, hash }) => `${path} ${hash}`).join("\n");
  // FNV-1a: a name, not a proof. It has to be at hand before the first await.
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return `pestwatch-shell-${hash.toString(16).padStart(8, "0")}`;
}

/** Under what a lasting file is kept: its address and what it holds. */
export function lastingKey({ path, hash }: AppFile): string {
  return `${path}?h=${hash}`;
}

/** How to fetch a file: under a name with a hash in it from the browser's cache, else only after asking whether it is fresh. */
export function cacheMode({ path }: AppFile): RequestCache {
  return path.startsWith("assets/") ? "default" : "no-cache";
}
