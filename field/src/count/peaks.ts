/**
 * Heat map to insects: which cells are centres, and how long the insect there is.
 *
 * A cell is a centre when its value reaches the threshold, is greater than its four earlier neighbours (the row above,
 * and left) and not smaller than its four later ones (right, and the row below). Outside never wins. Of two equal
 * neighbours exactly one counts; 256 levels make such ties common.
 *
 * Twin: pestwatch/vision/peaks.py, held by tests/golden/count.json.
 */

/** One centre on a heat map. */
export interface Peak {
  row: number;
  column: number;
  species: number;
  value: number;
  /** Of the length, see look.ts. */
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
