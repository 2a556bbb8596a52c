/** What an operator becomes: a step that only needs its place in memory. */

/** What the kernels export; all arguments are numbers, addresses among them. */
export type Kernels = Record<KernelName, (...args: number[]) => number>;
type KernelName = "pack" | "convolve" | "convolve_depthwise" | "add" | "resize" | "look_up" | "flip";

/** One operator, or several that are done in one go. */
export interface Step {
  name: string;
  inputs: number[];
  output: number;
  /** Packed weights, tables: what must lie in memory before it runs. */
  constants: Constant[];
  scratchBytes: number;
  /** May the output lie where the input lay? */
  isInPlace?: boolean;
  /** How much it computes, in multiplications or moved bytes. */
  work: number;
  run(kernels: Kernels, places: Places): void;
}

/** Something that is written once, when a network is opened. */
export interface Constant {
  bytes: number;
  /** Room that it needs only while it is written. */
  scratchBytes?: number;
  /** @throws Refusal if it cannot be as the file wants it */
  write(kernels: Kernels, memory: Uint8Array, address: number, scratch: number): void;
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

/** A constant that is copied as it is. */
export function copied({ buffer, byteOffset, byteLength }: Uint8Array | Int32Array): Constant {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return { bytes: byteLength, write: (_, memory, address) => memory.set(bytes, address) };
}
