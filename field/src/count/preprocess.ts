/**
 * How a photo becomes tiles; the trainer and the server do the same, byte for byte.
 *
 * Halve as long as it stays large enough, bring to the size of a look by exact integer arithmetic, cut into tiles that
 * overlap. Nothing else is done to the pixels: the bytes go into the network. At which size to look, look.ts decides.
 *
 * Twin: pestwatch/vision/preprocess.py, held by tests/golden/preprocess.json.
 */

/** A larger photo is shrunk to this before anything else: what a phone's memory bears. */
export const MAX_SIDE_PX = 4096;
export const OUTSIDE = 128;

export interface Size {
  width: number;
  height: number;
}

/** Bytes RGB, row by row, without padding. */
export interface Picture extends Size {
  rgb: Uint8Array;
}

/** A square window of a sized photo, and where its corner lies in it. */
export interface Tile {
  x_px: number;
  y_px: number;
  rgb: Uint8Array<ArrayBuffer>;
}

/** Takes the next row of a picture, RGB; its bytes may be overwritten afterwards. */
type TakeRow = (row: Uint8Array) => void;

function longSide({ width, height }: Size): number {
  return Math.max(width, height);
}

/** With a long side of sidePx; the other is rounded half up, at least 1. */
function sizeAt(size: Size, sidePx: number): Size {
  const long = longSide(size);
  const short = Math.min(size.width, size.height);
  const other = Math.max(1, Math.floor((short * sidePx * 2 + long) / (2 * long)));
  return size.width >= size.height ? { width: sidePx, height: other } : { width: other, height: sidePx };
}

function halfOf({ width, height }: Size): Size {
  return { width: width >> 1, height: height >> 1 };
}

/** A picture of one pixel's breadth has no half. */
function hasHalf({ width, height }: Size): boolean {
  return Math.min(width, height) > 1;
}

/**
 * A photo at any size; halves of it are made once and kept.
 *
 * Its rows are pushed in as they are decoded and shrunk on their way when its long side is over 4096, so that what is
 * larger never lies here as a whole.
 */
export class Sizes {
  readonly #from: Size;
  readonly #take: TakeRow;
  readonly #halves: [Picture, ...Picture[]];
  readonly #row: Uint8Array;
  #rows = 0;
  #last: Picture | undefined;

  constructor(from: Size) {
    const { picture, take } = keeping(from);
    this.#from = from;
    this.#take = take;
    this.#halves = [picture];
    this.#row = new Uint8Array(from.width * 3);
  }

  /** Takes the next rows, RGBA as a canvas gives them; what is in A is ignored. */
  push(rgba: Uint8ClampedArray): void {
    const row = this.#row;
    for (let at = 0; at < rgba.length; this.#rows++) {
      for (let i = 0; i < row.length; i += 3, at += 4) {
        row[i] = rgba[at];
        row[i + 1] = rgba[at + 1];
        row[i + 2] = rgba[at + 2];
      }
      this.#take(row);
    }
  }

  /** The long side of the photo as its rows came. */
  get decodedPx(): number {
    return longSide(this.#from);
  }

  /** The long side of the photo as it is kept. */
  get longPx(): number {
    return longSide(this.#halves[0]);
  }

  /**
   * The photo with a long side of sidePx, from the smallest half that is not smaller.
   *
   * The last one is kept: the gate and the first look ask for the same.
   */
  at(sidePx: number): Picture {
    if (this.#rows !== this.#from.height) throw new Error(`${this.#rows} of ${this.#from.height} rows came`);
    if (this.#last && longSide(this.#last) === sidePx) return this.#last;
    this.#last = undefined; // two large ones need not lie here at once
    let half = this.#halves[0];
    for (let next = 1; longSide(half) >> 1 >= sidePx && hasHalf(half); next++) {
      this.#halves[next] ??= halved(half);
      half = this.#halves[next];
    }
    this.#last = resized(half, sidePx);
    return this.#last;
  }
}

/** The photo as it is kept, which fills with the rows that are handed to `take`. */
function keeping(from: Size): { picture: Picture; take: TakeRow } {
  if (longSide(from) >= 2 * MAX_SIDE_PX && hasHalf(from)) {
    const { picture, take } = keeping(halfOf(from));
    return { picture, take: halving(from, take) };
  }
  if (longSide(from) > MAX_SIDE_PX) {
    const to = sizeAt(from, MAX_SIDE_PX);
    const { picture, take } = keeping(to);
    return { picture, take: shrinking(from, to, take) };
  }
  const { width, height } = from;
  const picture = { width, height, rgb: new Uint8Array(width * height * 3) };
  let at = 0;
  const take = (row: Uint8Array) => {
    picture.rgb.set(row, at);
    at += row.length;
  };
  return { picture, take };
}

function halved(picture: Picture): Picture {
  return sent(picture, halfOf(picture), halving);
}

/** Shrinks by exact area or enlarges between centres, in integers: every byte is the mean, rounded half up. */
function resized(picture: Picture, sidePx: number): Picture {
  const long = longSide(picture);
  if (long === sidePx) return picture;
  const to = sizeAt(picture, sidePx);
  return long > sidePx ? sent(picture, to, (from, take) => shrinking(from, to, take)) : enlarged(picture, to);
}

/** Sends a picture's rows through a change. */
function sent(picture: Picture, to: Size, change: (from: Size, take: TakeRow) => TakeRow): Picture {
  const kept = keeping(to);
  const take = change(picture, kept.take);
  const rowBytes = picture.width * 3;
  for (let y = 0; y < picture.height; y++) take(picture.rgb.subarray(y * rowBytes, (y + 1) * rowBytes));
  return kept.picture;
}

/** Each byte becomes the mean of four, rounded half up; an odd last row or column is dropped. */
function halving({ width }: Size, take: TakeRow): TakeRow {
  const half = new Uint8Array((width >> 1) * 3);
  const sums = new Uint16Array(half.length).fill(2);
  let isSecond = false;
  return (row) => {
    for (let i = 0, at = 0; i < sums.length; i += 3, at += 6) {
      sums[i] += row[at] + row[at + 3];
      sums[i + 1] += row[at + 1] + row[at + 4];
      sums[i + 2] += row[at + 2] + row[at + 5];
    }
    if (isSecond) {
      for (let i = 0; i < half.length; i++) half[i] = sums[i] >> 2;
      take(half);
      sums.fill(2);
    }
    isSecond = !isSecond;
  };
}

/**
 * Shrinks by exact area while the rows pass by.
 *
 * In units of 1/w by 1/h source pixels, source column x covers [x*w, (x+1)*w) and output column i covers [i*W, (i+1)*W);
 * what they share is the weight, rows likewise. With T = W*H each output byte is floor((sum + floor(T/2)) / T). All sums
 * stay below 2^53, so that numbers hold them exactly.
 */
function shrinking(from: Size, to: Size, take: TakeRow): TakeRow {
  /** Weighted sums of the source rows that make one output row. */
  const sums = new Float64Array(from.width * 3);
  const out = new Uint8Array(to.width * 3);
  let room = from.height; // what is left of the output row
  return (row) => {
    let weight = to.height; // what is left of the source row
    while (weight > 0) {
      const share = Math.min(weight, room);
      for (let i = 0; i < sums.length; i++) sums[i] += share * row[i];
      weight -= share;
      room -= share;
      if (room === 0) {
        sumAcross(sums, from, to, out);
        take(out);
        sums.fill(0);
        room = from.height;
      }
    }
  };
}

/** The same along a row, and the division; a source pixel is at most as broad as an output pixel, so it meets two. */
function sumAcross(sums: Float64Array, from: Size, to: Size, out: Uint8Array): void {
  const total = from.width * from.height;
  const half = Math.floor(total / 2);
  let [red, green, blue] = [half, half, half];
  let room = from.width; // what is left of the output pixel
  let at = 0;
  for (let i = 0; i < sums.length; i += 3) {
    const rest = to.width - room; // what of the source pixel lies in the next output pixel
    const share = rest < 0 ? to.width : room;
    red += share * sums[i];
    green += share * sums[i + 1];
    blue += share * sums[i + 2];
    room -= share;
    if (room > 0) continue;
    // A byte array drops what is behind the point.
    out[at] = red / total;
    out[at + 1] = green / total;
    out[at + 2] = blue / total;
    at += 3;
    red = half + rest * sums[i];
    green = half + rest * sums[i + 1];
    blue = half + rest * sums[i + 2];
    room = from.width - rest;
  }
}

/** Of which two source lines an output line is made: the weight of the second in `parts`, the first has what it lacks. */
interface Between {
  first: Int32Array;
  second: Int32Array;
  weight: Float64Array;
  parts: number;
}

/** Finds the two source centres around each output centre; beyond the outermost there is only that one. */
function between(count: number, lines: number): Between {
  const parts = 2 * lines;
  const found = { first: new Int32Array(lines), second: new Int32Array(lines), weight: new Float64Array(lines), parts };
  for (let line = 0; line < lines; line++) {
    const centre = (2 * line + 1) * count - lines; // in 1/parts of a source line, from the first source centre
    const first = Math.floor(centre / parts);
    found.first[line] = Math.max(first, 0);
    found.second[line] = Math.min(first + 1, count - 1);
    found.weight[line] = centre - first * parts;
  }
  return found;
}

/** Enlarges between centres. */
function enlarged({ width, height, rgb }: Picture, to: Size): Picture {
  const picture = { ...to, rgb: new Uint8Array(to.width * to.height * 3) };
  const down = between(height, to.height);
  const right = between(width, to.width);
  const total = down.parts * right.parts;
  const sums = new Float64Array(width * 3);
  let at = 0;
  for (let y = 0; y < to.height; y++) {
    const upper = down.first[y] * sums.length;
    const lower = down.second[y] * sums.length;
    const below = down.weight[y];
    const above = down.parts - below;
    for (let i = 0; i < sums.length; i++) sums[i] = above * rgb[upper + i] + below * rgb[lower + i];
    for (let x = 0; x < to.width; x++) {
      const after = right.weight[x];
      const before = right.parts - after;
      for (let i = right.first[x] * 3, j = right.second[x] * 3, end = at + 3; at < end; i++, j++, at++) {
        picture.rgb[at] = (before * sums[i] + after * sums[j] + total / 2) / total;
      }
    }
  }
  return picture;
}

/** Where tiles start along an axis: as few as cover it with at least the overlap, evenly spread, touching both ends. */
export function tileOffsets(length: number, tilePx: number, overlapPx: number): number[] {
  if (length <= tilePx) return [0];
  const count = Math.ceil((length - overlapPx) / (tilePx - overlapPx));
  return Array.from({ length: count }, (_, place) => Math.floor((place * (length - tilePx)) / (count - 1)));
}

/** Cuts a sized photo into tiles, row by row; what lies outside the photo is 128 grey. */
export function* tiles({ width, height, rgb }: Picture, tilePx: number, overlapPx: number): Generator<Tile> {
  for (const y_px of tileOffsets(height, tilePx, overlapPx)) {
    for (const x_px of tileOffsets(width, tilePx, overlapPx)) {
      const cut = new Uint8Array(tilePx * tilePx * 3).fill(OUTSIDE);
      const columns = Math.min(tilePx, width - x_px);
      const rows = Math.min(tilePx, height - y_px);
      for (let row = 0; row < rows; row++) {
        const start = ((y_px + row) * width + x_px) * 3;
        cut.set(rgb.subarray(start, start + columns * 3), row * tilePx * 3);
      }
      yield { x_px, y_px, rgb: cut };
    }
  }
}

/**
 * The part of an axis in which the tile at `offset` counts: from, and up to but not at; halves of pixels.
 *
 * The border of two tiles is the middle of what they share; what lies outside the photo belongs to no tile.
 */
export function owned(length: number, offset: number, tilePx: number, overlapPx: number): [number, number] {
  const offsets = tileOffsets(length, tilePx, overlapPx);
  const place = offsets.indexOf(offset);
  const border = (right: number) => (offsets[right - 1] + tilePx + offsets[right]) / 2;
  return [place === 0 ? 0 : border(place), place === offsets.length - 1 ? length : border(place + 1)];
}
