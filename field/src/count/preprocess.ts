/**
 * How a photo becomes tiles; the trainer and the server do the same, byte for byte.
 *
 * Shrink by exact integer area to 960 px on the long side (never enlarge), cut into tiles of 512 px that overlap.
 * Nothing else is done to the pixels: the bytes go into the network.
 *
 * Twin: pestwatch/vision/preprocess.py, held by tests/golden/preprocess.json.
 */

export const MAX_SIDE_PX = 960;
export const TILE_PX = 512;
export const OUTSIDE = 128;

/** Bytes RGB, row by row, without padding. */
export interface Picture {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/** A 512 x 512 window of the shrunk photo, and where its corner lies in it. */
export interface Tile {
  x_px: number;
  y_px: number;
  rgb: Uint8Array<ArrayBuffer>;
}

export interface Size {
  width: number;
  height: number;
}

/** Size after shrinking: the long side 960, the other rounded half up, at least 1. */
export function shrunkSize({ width, height }: Size): Size {
  const long = Math.max(width, height);
  const short = Math.min(width, height);
  if (long <= MAX_SIDE_PX) return { width, height };
  const other = Math.max(1, Math.floor((short * MAX_SIDE_PX * 2 + long) / (2 * long)));
  return width >= height ? { width: MAX_SIDE_PX, height: other } : { width: other, height: MAX_SIDE_PX };
}

/**
 * Shrinks by exact area in integers while the rows of a photo pass by, so that no second full-size copy is needed.
 *
 * In units of 1/w by 1/h source pixels, source column x covers [x*w, (x+1)*w) and output column i covers [i*W, (i+1)*W);
 * what they share is the weight, rows likewise. With T = W*H each output byte is floor((2*sum + T) / (2*T)). All sums
 * stay below 2^53, so that Float64 holds them exactly.
 */
export class Shrinker {
  readonly #from: Size;
  readonly #to: Size;
  readonly #picture: Picture;
  /** Weighted sums of one source row, and of the output row that is being filled. */
  readonly #across: Float64Array;
  readonly #down: Float64Array;
  #sourceRow = 0;
  #outputRow = 0;

  constructor(from: Size, to: Size = shrunkSize(from)) {
    this.#from = from;
    this.#to = to;
    this.#picture = { ...to, rgb: new Uint8Array(to.width * to.height * 3) };
    this.#across = new Float64Array(to.width * 3);
    this.#down = new Float64Array(to.width * 3);
  }

  /** Takes the next source rows, RGBA as a canvas gives them; what is in A is ignored. */
  push(rgba: Uint8ClampedArray): void {
    const rowBytes = this.#from.width * 4;
    for (let start = 0; start < rgba.length; start += rowBytes) {
      this.#sumAcross(rgba, start);
      this.#spreadDown();
    }
  }

  /** The shrunk picture, once every row was pushed. */
  picture(): Picture {
    if (this.#sourceRow !== this.#from.height) throw new Error(`${this.#sourceRow} of ${this.#from.height} rows came`);
    return this.#picture;
  }

  #sumAcross(rgba: Uint8ClampedArray, start: number): void {
    const { width: from } = this.#from;
    const { width: to } = this.#to;
    const across = this.#across.fill(0);
    let column = 0;
    let room = from; // what is left of the output column
    for (let x = 0, at = start; x < from; x++, at += 4) {
      let weight = to; // what is left of the source pixel
      while (weight > 0) {
        const share = Math.min(weight, room);
        across[column] += share * rgba[at];
        across[column + 1] += share * rgba[at + 1];
        across[column + 2] += share * rgba[at + 2];
        weight -= share;
        room -= share;
        if (room === 0) {
          column += 3;
          room = from;
        }
      }
    }
  }

  #spreadDown(): void {
    const { height: from } = this.#from;
    const { height: to } = this.#to;
    const across = this.#across;
    const down = this.#down;
    let begin = this.#sourceRow * to;
    const end = begin + to;
    while (begin < end) {
      const border = (this.#outputRow + 1) * from;
      const share = Math.min(end, border) - begin;
      for (let i = 0; i < down.length; i++) down[i] += share * across[i];
      begin += share;
      if (begin === border) this.#finishRow();
    }
    this.#sourceRow++;
  }

  #finishRow(): void {
    const total = this.#from.width * this.#from.height;
    const at = this.#outputRow * this.#down.length;
    for (let i = 0; i < this.#down.length; i++) {
      this.#picture.rgb[at + i] = Math.floor((2 * this.#down[i] + total) / (2 * total));
    }
    this.#down.fill(0);
    this.#outputRow++;
  }
}

/** Where tiles start along an axis of at most 960 px: one tile, or two that touch both ends. */
export function tileOffsets(length: number): number[] {
  return length <= TILE_PX ? [0] : [0, length - TILE_PX];
}

/** Cuts a shrunk photo into tiles, row by row; what lies outside the photo is 128 grey. */
export function* tiles({ width, height, rgb }: Picture): Generator<Tile> {
  for (const y_px of tileOffsets(height)) {
    for (const x_px of tileOffsets(width)) {
      const cut = new Uint8Array(TILE_PX * TILE_PX * 3).fill(OUTSIDE);
      const columns = Math.min(TILE_PX, width - x_px);
      const rows = Math.min(TILE_PX, height - y_px);
      for (let row = 0; row < rows; row++) {
        const start = ((y_px + row) * width + x_px) * 3;
        cut.set(rgb.subarray(start, start + columns * 3), row * TILE_PX * 3);
      }
      yield { x_px, y_px, rgb: cut };
    }
  }
}

/**
 * True when the tile at `offset` is the one that counts an insect centred at `centre` on this axis.
 *
 * With two tiles the border is the middle of the photo; what lies outside the photo belongs to no tile.
 */
export function owns(length: number, offset: number, centre: number): boolean {
  if (centre >= length) return false;
  if (length <= TILE_PX) return true;
  return offset === 0 ? centre < length / 2 : centre >= length / 2;
}
