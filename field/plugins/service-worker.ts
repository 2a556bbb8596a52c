/**
 * Builds src/sw/service-worker.ts into one classic script beside the app, with the list of all files in it.
 *
 * Runs when the app itself is written: only then is known which files there are and what they hash to.
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin, type ResolvedConfig } from "vite";
import type { AppFile } from "../src/sw/to-cache.ts";

const ENTRY = fileURLToPath(new URL("../src/sw/service-worker.ts", import.meta.url));
const FILE_NAME = "service-worker.js";

/** Every built file with the beginning of its hash, by path; not the sound, which src/sound/clips.ts fetches clip by clip. */
export function listFiles(dist: string): AppFile[] {
  const entries = readdirSync(dist, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return paths
    .map((path) => ({ path: relative(dist, path).replaceAll("\\", "/"), hash: hashOf(readFileSync(path)) }))
    .filter(({ path }) => path !== FILE_NAME && !/^sound\/|\.(br|gz)$/.test(path))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

function hashOf(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

export function serviceWorker(define: Record<string, string>): Plugin {
  let config: ResolvedConfig;
  return {
    name: "service-worker",
    apply: "build",
    configResolved(resolved) {
      config = resolved;
    },
    writeBundle: {
      sequential: true,
      async handler() {
        const outDir = join(config.root, config.build.outDir);
        await build({
          configFile: false,
          publicDir: false,
          logLevel: "warn",
          base: config.base,
          define: { ...define, __APP_FILES__: JSON.stringify(listFiles(outDir)) },
          build: {
            target: config.build.target,
            outDir,
            emptyOutDir: false,
            rolldownOptions: { input: ENTRY, output: { format: "iife", entryFileNames: FILE_NAME } },
          },
        });
      },
    },
  };
}
