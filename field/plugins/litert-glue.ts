/**
 * Makes LiteRT.js's Emscripten script importable: `import { ModuleFactory } from "virtual:litert-glue"`.
 *
 * The package ships it as a classic script for importScripts, which a module worker does not have. Only the compat
 * build is used: on the phones that we can reach it is as fast as the relaxed-SIMD one, and one file serves all.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const NAME = "virtual:litert-glue";
const SCRIPT = "@litertjs/core/wasm/litert_wasm_compat_internal.js";

export function litertGlue(): Plugin {
  return {
    name: "litert-glue",
    resolveId: (id) => (id === NAME ? `\0${NAME}` : null),
    load(id) {
      if (id !== `\0${NAME}`) return null;
      const script = readFileSync(fileURLToPath(import.meta.resolve(SCRIPT)), "utf-8");
      return { code: `${script}\nexport { ModuleFactory };\n`, moduleSideEffects: false };
    },
  };
}
