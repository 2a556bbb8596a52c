/** The truth that Python and TypeScript share: tests/golden at the top of the repository. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = new URL("../../tests/golden/", import.meta.url);

export function goldenJson<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, FOLDER), "utf-8")) as T;
}

export function goldenPhoto(name: string): Blob {
  return new Blob([readFileSync(new URL(`photos/${name}`, FOLDER))]);
}

export function repositoryPath(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** A file of the shelf of models: the repository's, or the one that PESTWATCH_MODELS_DIR names. */
export function modelsPath(path: string): string {
  return join(process.env.PESTWATCH_MODELS_DIR ?? repositoryPath("mobile_models"), path);
}

export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
