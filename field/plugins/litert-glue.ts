/**
 * Makes LiteRT.js's Emscripten script importable: `import { ModuleFactory } from "virtual:litert-glue"`.
 *
 * The package ships it as a classic script for importScripts, which a module worker does not have. Only the compat
 * build is used: it is as fast as the relaxed-SIMD one (measured in Chromium, ratio 0.99 to 1.00), and serves all.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const NAME = "virtual:litert-glue";
const SCRIPT = "@litertjs/core/wasm/litert_wasm_compat_internal.js";

/** What must go from the script: its ways into Node, which a bundler would follow, and its ways of being exported. */
const CUTS: [RegExp, string][] = [
  [/var ENVIRONMENT_IS_NODE = .*;/, "var ENVIRONMENT_IS_NODE = false;"],
  [/require\("node:\w+"\)/g, "undefined"],
  [/\/\/ Export using a UMD style export[\s\S]*$/, "export { ModuleFactory };\n"],
];

function importable(script: string): string {
  return CUTS.reduce((text, [pattern, replacement]) => {
    if (text.search(pattern) < 0) throw new Error(`${SCRIPT} has changed: ${pattern} is not in it`);
    return text.replace(pattern, replacement);
  }, script);
}

export function litertGlue(): Plugin {
  return {
    name: "litert-glue",
    resolveId: (id) => (id === NAME ? `\0${NAME}` : null),
    load(id) {
      if (id !== `\0${NAME}`) return null;
      const script = readFileSync(fileURLToPath(import.meta.resolve(SCRIPT)), "utf-8");
      return { code: importable(script), moduleSideEffects: false };
    },
  };
}
