/**
 * Builds src/sw/service-worker.ts into one classic script beside the app, with the list of all files in it.
 *
 * Runs when the app itself is written: only then is known which files there are and what they hash to.
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin, type ResolvedConfig, type Rolldown } from "vite";
import type { AppFile } from "../src/sw/to-cache.ts";
import { sentBytes } from "./precompressed.ts";

const ENTRY = fileURLToPath(new URL("../src/sw/service-worker.ts", import.meta.url));
const FILE_NAME = "service-worker.js";

/**
 * Every built file: the beginning of its hash, its length, and how much of that travels; not the sound, which
 * src/sound/clips.ts fetches clip by clip.
 *
 * @param first the scripts and styles that the page loads by itself; other ones are loaded when they are needed
 */
export function listFiles(dist: string, root: string, first: ReadonlySet<string>): AppFile[] {
  const entries = readdirSync(dist, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return paths
    .map((full) => {
      const path = relative(dist, full).replaceAll("\\", "/");
      const content = readFileSync(full);
      const file = { path, hash: hashOf(content), bytes: content.length, sent: sentBytes(path, content, root) };
      return first.has(path) ? { ...file, first: true as const } : file;
    })
    .filter(({ path }) => path !== FILE_NAME && !/^sound\/|\.(br|gz)$/.test(path))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** What the page's own script needs before it runs: what it imports, and its styles. */
function loadedFirst(bundle: Rolldown.OutputBundle): Set<string> {
  const found = new Set<string>();
  const add = (name: string): void => {
    const chunk = bundle[name];
    if (chunk?.type !== "chunk" || found.has(name)) return;
    found.add(name);
    for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style);
    chunk.imports.forEach(add);
  };
  for (const chunk of Object.values(bundle)) if (chunk.type === "chunk" && chunk.isEntry) add(chunk.fileName);
  return found;
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
      async handler(_options, bundle) {
        const outDir = join(config.root, config.build.outDir);
        await build({
          configFile: false,
          publicDir: false,
          logLevel: "warn",
          base: config.base,
          define: { ...define, __APP_FILES__: JSON.stringify(listFiles(outDir, config.root, loadedFirst(bundle))) },
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
