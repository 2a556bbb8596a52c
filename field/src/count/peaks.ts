/**
 * Heat map to insects: which cells are centres, and how long the insect there is.
 *
 * A cell is a centre when its value reaches the threshold, is greater than its four earlier neighbours (the row above,
 * and left) and not smaller than its four later ones (right, and the row below). Outside never wins. Of two equal
 * neighbours exactly one counts; 256 levels make such ties common.
 *
 * Where tiles overlap, both may find one moth, a cell apart: of peaks of one species nearer to one another than two cells,
 * which no heat map alone can show, the hottest is the moth.
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
 * Takes out what two tiles saw both: of each moth the hottest peak stays, of equally hot ones that which was found first.
 *
 * @param apartPx peaks of one species nearer than this, down and across, are one moth
 * @returns hottest first
 */
export function eachOnce(found: readonly Placed[], apartPx: number): Placed[] {
  const kept: Placed[] = [];
  for (const one of [...found].sort((a, b) => b.value - a.value)) {
    const isKnown = kept.some(
      (other) =>
        one.species === other.species &&
        Math.abs(one.x_px - other.x_px) < apartPx &&
        Math.abs(one.y_px - other.y_px) < apartPx,
    );
    if (!isKnown) kept.push(one);
  }
  return kept;
}
