/**
 * Puts the usual size of the newest base release into the app, so that the first visit is enough to count without a network.
 *
 * The other sizes are fetched from the server when a phone wants them (src/release/update.ts). Copies the files to models/<version>/ and says through `virtual:bundled-release` which it is and whose signature
 * the app believes. Refuses to build when no base release is there.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const NAME = "virtual:bundled-release";
/** What a phone that uses `small` needs of a release: filesFor in src/release/manifest.ts. */
const IS_NEEDED = /^((small|gate)\.(tflite|json)|golden\.png)$/;

interface FoundRelease {
  version: string;
  folder: string;
  manifest: { created_at: string; files: { name: string }[] };
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf-8")) as T;
}

/** The release that mobile_models/releases/base/current.json points at, if there is one. */
export function findBaseRelease(modelsDir: string): FoundRelease | null {
  const base = join(modelsDir, "releases", "base");
  if (!existsSync(join(base, "current.json"))) return null;
  const { version } = readJson<{ version: string }>(join(base, "current.json"));
  const folder = join(base, version);
  return { version, folder, manifest: readJson(join(folder, "manifest.json")) };
}

function readKeys(modelsDir: string): unknown[] {
  const folder = join(modelsDir, "keys");
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => readJson(join(folder, name)));
}

export function bundledRelease(modelsDir: string): Plugin {
  return {
    name: "bundled-release",
    resolveId: (id) => (id === NAME ? `\0${NAME}` : null),
    load(id) {
      if (id !== `\0${NAME}`) return null;
      const release = findBaseRelease(modelsDir);
      const bundled = release && { version: release.version, created_at: release.manifest.created_at };
      return [
        `export const BUNDLED = ${JSON.stringify(bundled)};`,
        `export const BASE_KEYS = ${JSON.stringify(readKeys(modelsDir))};`,
      ].join("\n");
    },
    generateBundle() {
      const release = findBaseRelease(modelsDir);
      if (!release) {
        this.error(`no base release in ${modelsDir}: the app cannot count without one (make base-model trains it)`);
      }
      const names = [
        "manifest.json",
        "manifest.sig",
        ...release.manifest.files.map(({ name }) => name).filter((name) => IS_NEEDED.test(name)),
      ];
      for (const name of names) {
        const source = readFileSync(join(release.folder, name));
        this.emitFile({ type: "asset", fileName: `models/${release.version}/${name}`, source });
      }
    },
  };
}
