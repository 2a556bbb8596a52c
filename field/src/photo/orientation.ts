/** Turns the rows of a picture as EXIF says, a stripe at a time. */

import type { Size } from "../count/preprocess";

/** Orientations that lie on their side: a row of the upright picture is a column of the stored one. */
const isSideways = (orientation: number): boolean => orientation >= 5;
/** Whether the upright picture begins with the last row or column of the stored one. */
const isFromLast = (orientation: number): boolean => [3, 4, 7, 8].includes(orientation);
/** Whether its rows run against the stored rows or columns. */
const isBackwards = (orientation: number): boolean => [2, 3, 6, 7].includes(orientation);

export function uprightSize({ width, height }: Size, orientation: number): Size {
  return isSideways(orientation) ? { width: height, height: width } : { width, height };
}

/** Which part of the stored picture holds some rows of the upright one. */
export function storedPart(stored: Size, orientation: number, top: number, rows: number) {
  const start = isFromLast(orientation) ? uprightSize(stored, orientation).height - top - rows : top;
  return isSideways(orientation)
    ? { x: start, y: 0, width: rows, height: stored.height }
    : { x: 0, y: start, width: stored.width, height: rows };
}

/**
 * Writes such a part as the rows that it holds, RGBA.
 *
 * @param part four bytes for each pixel, row by row as stored
 * @param isBgr whether blue comes first in it
 */
export function turn(part: Uint8Array, size: Size, orientation: number, isBgr: boolean, out: Uint8ClampedArray): void {
  const across = isSideways(orientation) ? size.height : size.width;
  const down = isSideways(orientation) ? size.width : size.height;
  const stepAcross = (isSideways(orientation) ? size.width : 1) * 4;
  const stepDown = (isSideways(orientation) ? 1 : size.width) * 4;
  const [red, blue] = isBgr ? [2, 0] : [0, 2];
  for (let row = 0, to = 0; row < down; row++) {
    let from = (isFromLast(orientation) ? down - 1 - row : row) * stepDown;
    if (isBackwards(orientation)) from += (across - 1) * stepAcross;
    const step = isBackwards(orientation) ? -stepAcross : stepAcross;
    for (let n = 0; n < across; n++, from += step, to += 4) {
      out[to] = part[from + red] as number;
      out[to + 1] = part[from + 1] as number;
      out[to + 2] = part[from + blue] as number;
    }
  }
}
