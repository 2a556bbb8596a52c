/**
 * What counting asks of an engine: load a model, run a tile. One file implements it, so that engines can be swapped.
 */

export interface Engine {
  /** Loads an int8 .tflite with uint8 input and output; what was loaded before is dropped. */
  load(model: Uint8Array): Promise<void>;
  /**
   * Runs the network on one tile.
   *
   * @param tile 512 x 512 x 3 bytes RGB, row by row
   * @returns heat map, 128 x 128 x species, 256 x probability
   */
  run(tile: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}
