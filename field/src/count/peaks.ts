/**
 * Heat map to insects: which cells are centres, and how long the insect there is.
 *
 * A cell is a centre when its value reaches the threshold, is greater than its four earlier neighbours (the row above,
 * and left) and not smaller than its four later ones (right, and the row below). Outside never wins. Of two equal
 * neighbours exactly one counts; 256 levels make such ties common.
 *
 * Where tiles overlap, two may find one moth a cell apart: peaks of one species nearer to one another than two cells, which
 * no heat map alone can show, are one moth.
 *
 * Twin: pestwatch/vision/peaks.py, held by tests/golden/count.json.
 */

/** Peaks of one heat map lie at least so far apart, down or across. */
export const APART_CELLS = 2;

/** One centre on a heat map. */
export interface Peak {
  row: number;
  column: number;
  species: number;
  value: number;
  /** Of the length, see look.ts. */
  code: number;
}

/** One centre on a sized photo. */
export interface Placed {
  x_px: number;
  y_px: number;
  species: number;
  value: number;
  code: number;
}

/**
 * Finds the centres of one tile, by species, then row, then column.
 *
 * @param answer of the network, side x side x (species + 1) bytes: 256 x probability of each species, then a length code
 * @param thresholdQ least value that counts, per species, 1 to 255
 */
export function findPeaks(answer: Uint8Array, thresholdQ: readonly number[]): Peak[] {
  const channels = thresholdQ.length + 1;
  const side = Math.sqrt(answer.length / channels);
  if (!Number.isInteger(side)) throw new Error(`${answer.length} bytes are no square of ${channels} channels`);
  const peaks: Peak[] = [];
  for (let species = 0; species < thresholdQ.length; species++) {
    const at = (row: number, column: number) =>
      row < 0 || column < 0 || row >= side || column >= side ? -1 : answer[(row * side + column) * channels + species];
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const value = at(row, column);
        if (value >= thresholdQ[species] && isCentre(at, row, column, value)) {
          peaks.push({ row, column, species, value, code: answer[(row * side + column + 1) * channels - 1] });
        }
      }
    }
  }
  return peaks;
}

function isCentre(at: (row: number, column: number) => number, row: number, column: number, value: number): boolean {
  return (
    value > at(row - 1, column - 1) &&
    value > at(row - 1, column) &&
    value > at(row - 1, column + 1) &&
    value > at(row, column - 1) &&
    value >= at(row, column + 1) &&
    value >= at(row + 1, column - 1) &&
    value >= at(row + 1, column) &&
    value >= at(row + 1, column + 1)
  );
}

/**
 * Counts once what two tiles saw near their border.
 *
 * Whose heat is greater does not matter: the hotter of two would pass a threshold more often than a moth elsewhere.
 *
 * @param own peaks that lie where the tile that found them counts; two tiles may both have put a moth on their own side
 * @param beyond peaks that lie a little farther; two tiles may both have put a moth on the other's side
 * @param apartPx peaks of one species nearer than this, down and across, are one moth
 * @returns in the order of finding
 */
export function eachOnce(own: readonly Placed[], beyond: readonly Placed[], apartPx: number): Placed[] {
  const kept: Placed[] = [];
  for (const one of own) if (!hasNear(kept, one, apartPx)) kept.push(one);
  const disowned: Placed[] = [];
  for (const one of beyond) {
    if (hasNear(kept, one, apartPx)) continue;
    if (hasNear(disowned, one, apartPx)) kept.push(one);
    disowned.push(one);
  }
  return kept;
}

function hasNear(found: readonly Placed[], one: Placed, apartPx: number): boolean {
  return found.some(
    (other) =>
      one.species === other.species &&
      Math.abs(one.x_px - other.x_px) < apartPx &&
      Math.abs(one.y_px - other.y_px) < apartPx,
  );
}
