/**
 * Gives every computed tensor its place in one stretch of memory; two that are never needed at once may share it.
 *
 * First fit by lifetime: simple, and within a tenth of the largest layer's own need for networks of this kind (guess).
 */

import { room } from "./step.ts";

export interface Lifetime {
  /** Usually one; more if each takes the place of the one before it. */
  tensors: number[];
  bytes: number;
  /** The steps that write it and that read it last. */
  from: number;
  to: number;
}

export interface Plan {
  /** Where each tensor lies, counted from the beginning of the stretch. */
  offsets: Map<number, number>;
  bytes: number;
}

export function planMemory(lifetimes: Lifetime[]): Plan {
  const offsets = new Map<number, number>();
  const placed: { from: number; to: number; start: number; end: number }[] = [];
  let bytes = 0;
  for (const { tensors, bytes: needed, from, to } of lifetimes) {
    const neighbours = placed.filter((other) => other.from <= to && from <= other.to).sort((a, b) => a.start - b.start);
    const size = room(needed);
    let start = 0;
    for (const other of neighbours) {
      if (start + size <= other.start) break;
      start = Math.max(start, other.end);
    }
    placed.push({ from, to, start, end: start + size });
    for (const tensor of tensors) offsets.set(tensor, start);
    bytes = Math.max(bytes, start + size);
  }
  return { offsets, bytes };
}
