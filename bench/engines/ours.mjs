/** Our engine, as a page or Node opens it. */

import { Network } from "../../field/engine/network.ts";

export { chooseVariant } from "../../field/engine/variant.ts";

/** @returns {Promise<(pixels: Uint8Array) => Uint8Array>} */
export async function open(kernels, model) {
  const network = await Network.open(await WebAssembly.compile(kernels), model);
  return (pixels) => network.run(pixels)[0];
}
