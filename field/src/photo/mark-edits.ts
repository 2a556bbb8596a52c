/**
 * What a person changes on a marked photo, tap by tap: a mark more, a mark less, or another insect under the same mark.
 *
 * The model's marks stay as they are; the edits are kept beside them, so that the last can be taken back.
 */

import type { Mark } from "../sync/protocol";
import type { Place } from "./zoom";

export interface MarkEdit {
  removed: Mark | null;
  added: Mark | null;
}

/** The marks after all edits; what was added comes last. */
export function editedMarks(marks: readonly Mark[], edits: readonly MarkEdit[]): Mark[] {
  const left = marks.map(({ x, y, species }) => ({ x, y, species }));
  for (const { removed, added } of edits) {
    if (removed)
      left.splice(
        left.findIndex((mark) => isSame(mark, removed)),
        1,
      );
    if (added) left.push(added);
  }
  return left;
}

/**
 * What a tap means: it takes away the trap's own insect under the finger, makes another's mark its own, else adds one.
 *
 * @param reach how far from a mark a finger still means it, in shares of the photo's sides
 */
export function tapped(marks: readonly Mark[], at: Place, pest: string, reach: Place): MarkEdit {
  const far = ({ x, y }: Mark): number => ((x - at.x) / reach.x) ** 2 + ((y - at.y) / reach.y) ** 2;
  const near = marks.filter((mark) => far(mark) <= 1).sort((a, b) => far(a) - far(b));
  const own = near.find(({ species }) => species === pest);
  if (own) return { removed: own, added: null };
  const other = near[0] ?? null;
  const { x, y } = other ?? at;
  return { removed: other, added: { x: rounded(x), y: rounded(y), species: pest } };
}

/** By how much an edit changes the number of one species. */
export function changeBy({ removed, added }: MarkEdit, pest: string): number {
  return Number(added?.species === pest) - Number(removed?.species === pest);
}

const isSame = (a: Mark, b: Mark): boolean => a.x === b.x && a.y === b.y && a.species === b.species;

/** To the four digits that the model's own marks have. */
const rounded = (share: number): number => Math.round(share * 10_000) / 10_000;
