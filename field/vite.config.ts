/** Builds the app into dist/, served under /app/. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Rolldown } from "vite";
import { defineConfig } from "vitest/config";
import { bundledRelease } from "./plugins/bundled-release.ts";
import { precompressed } from "./plugins/precompressed.ts";
import { serviceWorker } from "./plugins/service-worker.ts";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf-8")) as { version: string };
const modelsDir = process.env.PESTWATCH_MODELS_DIR ?? fileURLToPath(new URL("../mobile_models", import.meta.url));
const define = { __APP_VERSION__: JSON.stringify(version) };

/** The name of the chunk for whatever the page imports without being asked; null leaves a module where it is. */
function firstScript(id: string, build: Rolldown.ChunkingContext): string | null {
  const seen = new Set<string>();
  const isFirst = (module: string): boolean => {
    if (seen.has(module)) return false;
    seen.add(module);
    const found = build.getModuleInfo(module);
    return found !== null && (found.isEntry || found.importers.some(isFirst));
  };
  return isFirst(id) ? "first" : null;
}

export default defineConfig({
  base: "/app/",
  define,
  // Old phones that still get module workers and WASM with SIMD; Chrome 106 is the last for Android 6.
  build: {
    target: ["chrome100", "firefox114", "safari16.4"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What the page loads at once stays one script: parted, it packs worse and is asked for piece by piece.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: firstScript }] } } },
  },
  plugins: [bundledRelease(modelsDir), serviceWorker(define), precompressed()],
  worker: { format: "es" },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
