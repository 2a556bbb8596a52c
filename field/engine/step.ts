/** What an operator becomes: a step that only needs its place in memory. */

/** What the kernels export; all arguments are numbers, addresses among them. */
export type Kernels = Record<KernelName, (...args: number[]) => void>;
type KernelName = "convolve" | "convolve_depthwise" | "add" | "resize" | "look_up" | "flip";

/** One operator, or several that are done in one go. */
export interface Step {
  name: string;
  inputs: number[];
  output: number;
  /** Packed weights, tables, parameters: what must lie in memory before it runs. */
  constants: ArrayBuffer[];
  scratchBytes: number;
  /** How much it computes, in multiplications or moved bytes. */
  work: number;
  run(kernels: Kernels, places: Places): void;
}

/** Addresses, in the order of a step's own lists. */
export interface Places {
  memory: Uint8Array;
  inputs: number[];
  output: number;
  constants: number[];
  scratch: number;
}

/** Kernels read and write a few bytes past the end of what they work on. */
export const SPARE_BYTES = 32;

/** What so many bytes take in memory. */
export function room(bytes: number): number {
  return Math.ceil((bytes + SPARE_BYTES) / 16) * 16;
}
