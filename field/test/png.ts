/** Reads the drawn golden photos, PNG with a palette of 8 bits, where no browser is at hand. */

import { inflateSync } from "node:zlib";

export interface Rgba {
  width: number;
  height: number;
  rgba: Uint8ClampedArray;
}

export function decodePng(file: Buffer): Rgba {
  const chunks = chunksOf(file);
  const header = chunks.get("IHDR") as Buffer;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  if (header[8] !== 8 || header[9] !== 3 || header[12] !== 0) throw new Error("not a plain picture with a palette");
  const palette = chunks.get("PLTE") as Buffer;
  const indices = unfiltered(inflateSync(chunks.get("IDAT") as Buffer), width, height);
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (const [pixel, index] of indices.entries()) rgba.set(palette.subarray(index * 3, index * 3 + 3), pixel * 4);
  return { width, height, rgba };
}

/** Chunks by name; the pieces of one that is split are joined. */
function chunksOf(file: Buffer): Map<string, Buffer> {
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    const name = file.toString("latin1", at + 4, at + 8);
    const content = file.subarray(at + 8, at + 8 + file.readUInt32BE(at));
    chunks.set(name, Buffer.concat([chunks.get(name) ?? Buffer.alloc(0), content]));
  }
  return chunks;
}

/** Each line begins with the number of the filter that foretells its bytes from those to the left and above. */
function unfiltered(lines: Buffer, width: number, height: number): Uint8Array {
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const filter = lines[y * (width + 1)];
    for (let x = 0; x < width; x++) {
      const left = x > 0 ? pixels[y * width + x - 1] : 0;
      const above = y > 0 ? pixels[(y - 1) * width + x] : 0;
      const corner = x > 0 && y > 0 ? pixels[(y - 1) * width + x - 1] : 0;
      const foretold = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter];
      pixels[y * width + x] = lines[y * (width + 1) + 1 + x] + foretold;
    }
  }
  return pixels;
}

function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner;
  const nearest = Math.min(Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner));
  if (nearest === Math.abs(guess - left)) return left;
  return nearest === Math.abs(guess - above) ? above : corner;
}
