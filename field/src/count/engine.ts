/**
 * What counting asks of an engine: load a model, run a tile. One file implements it, so that engines can be swapped.
 */

export interface Engine {
  /** Loads an int8 .tflite with uint8 input and output; what was loaded before is dropped. */
  load(model: Uint8Array): Promise<void>;
  /**
   * Runs the network on one tile.
   *
   * @param tile t x t x 3 bytes RGB, row by row; t is the sidecar's tile_px
   * @returns t/4 x t/4 x (species + 1) bytes: 256 x probability of each species, then the code of the length
   */
  run(tile: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}
