/** The engine of the app: field/engine, which gives the same bytes as the interpreter that the server counts with. */

import { Refusal } from "../../engine/flatbuffer.ts";
import plainUrl from "../../engine/kernels-plain.wasm?url";
import relaxedUrl from "../../engine/kernels-relaxed.wasm?url";
import simdUrl from "../../engine/kernels-simd.wasm?url";
import { Network } from "../../engine/network.ts";
import { chooseVariant } from "../../engine/variant.ts";
import { Problem } from "../problem";
import type { Engine } from "./engine";

const URLS = { plain: plainUrl, relaxed: relaxedUrl, simd: simdUrl };

export class Int8Engine implements Engine {
  readonly #fetchKernels: () => Promise<BufferSource>;
  #kernels: WebAssembly.Module | undefined;
  #network: Network | undefined;

  constructor(fetchKernels = fetchFromApp) {
    this.#fetchKernels = fetchKernels;
  }

  async load(model: Uint8Array): Promise<void> {
    this.#kernels ??= await WebAssembly.compile(await this.#fetchKernels());
    this.#network = undefined;
    try {
      this.#network = await Network.open(this.#kernels, model);
    } catch (error) {
      throw error instanceof Refusal ? new Problem("422.20", { name: "small.tflite", detail: error.message }) : error;
    }
  }

  async run(tile: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    if (!this.#network) throw new Error("run before load");
    return this.#network.run(tile)[0];
  }
}

/** The one build that this phone takes; the service worker has it (sw/to-cache.ts). */
async function fetchFromApp(): Promise<BufferSource> {
  const response = await fetch(URLS[chooseVariant()]).catch(() => undefined);
  if (!response?.ok) throw new Problem("503.2");
  return response.arrayBuffer();
}
