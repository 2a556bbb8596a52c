/** The engine: LiteRT.js, which gives the same bytes as the interpreter that the server counts with. */

import { ModuleFactory } from "virtual:litert-glue";
import { type CompiledModel, loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
import wasmUrl from "@litertjs/core/wasm/litert_wasm_compat_internal.wasm?url";
import { Problem } from "../problem";
import type { Engine } from "./engine";
import { TILE_PX } from "./preprocess";

/** Where Emscripten's loader finds the 9 MB of WASM: at an address, or here already. */
export type Wasm = { locateFile: () => string } | { wasmBinary: Uint8Array };

/**
 * LiteRT.js fetches its script with importScripts, which throws in a module worker. The script is bundled with this
 * file; we lay it where LiteRT.js looks for it afterwards, and let importScripts do nothing.
 */
async function start(wasm: Wasm): Promise<void> {
  const silent = () => {};
  const Module = { ...wasm, print: silent, printErr: silent };
  Object.assign(globalThis, { ModuleFactory, Module, importScripts: silent });
  // At its start LiteRT.js wakes the fastest GPU and warns without one. We count on the CPU: it gets none, in silence.
  const noGpu = { requestAdapter: async () => ({ limits: {}, features: new Set(), requestDevice: async () => null }) };
  Object.defineProperty(navigator, "gpu", { value: noGpu, configurable: true });
  await loadLiteRt("litert_wasm_compat_internal.js");
}

/** Tells a browser that cannot run the engine from a phone that has not downloaded it. */
async function isAtHand(wasm: Wasm): Promise<boolean> {
  if ("wasmBinary" in wasm) return true;
  try {
    const response = await fetch(wasm.locateFile());
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

export class LiteRtEngine implements Engine {
  readonly #wasm: Wasm;
  #started: Promise<void> | undefined;
  #model: CompiledModel | undefined;

  constructor(wasm: Wasm = { locateFile: () => wasmUrl }) {
    this.#wasm = wasm;
  }

  async load(model: Uint8Array): Promise<void> {
    this.#started ??= start(this.#wasm);
    try {
      await this.#started;
    } catch (error) {
      this.#started = undefined;
      throw (await isAtHand(this.#wasm)) ? error : new Problem("503.2");
    }
    this.#model?.delete();
    this.#model = await loadAndCompile(model, { accelerator: "wasm" });
  }

  async run(tile: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    if (!this.#model) throw new Error("run before load");
    const input = new Tensor(tile, [1, TILE_PX, TILE_PX, 3]);
    try {
      const [output] = await this.#model.run(input);
      if (!output) throw new Error("the model has no output");
      try {
        return Uint8Array.from((await output.data()) as Uint8Array);
      } finally {
        output.delete();
      }
    } finally {
      input.delete();
    }
  }
}
