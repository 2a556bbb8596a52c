/**
 * How large a picture is, read from its first bytes: before a decoder is let near 100 megapixels.
 *
 * Knows JPEG, PNG and WebP, like the server. Width and height are as stored; a rotation noted beside them may swap them.
 */

import type { Size } from "../count/preprocess";

/** More segments than any camera writes; a file with more is made to keep us busy. */
const MOST_SEGMENTS = 500;
const APP1 = 0xe1;
const ORIENTATION_TAG = 0x0112;

/** Reads a picture's size, or null when these bytes are no picture that we know. */
export async function readSize(photo: Blob): Promise<Size | null> {
  const head = await bytesAt(photo, 0, 30);
  if (head.byteLength < 12) return null;
  if (head.getUint16(0) === 0xffd8) return sizeOfJpeg(photo);
  if (textAt(head, 0, 8) === "\x89PNG\r\n\x1a\n") return sizeOfPng(head);
  if (textAt(head, 0, 4) === "RIFF" && textAt(head, 8, 4) === "WEBP") return sizeOfWebp(head);
  return null;
}

async function bytesAt(photo: Blob, offset: number, length: number): Promise<DataView> {
  return new DataView(await photo.slice(offset, offset + length).arrayBuffer());
}

function textAt(view: DataView, offset: number, length: number): string {
  if (view.byteLength < offset + length) return "";
  return String.fromCharCode(...new Uint8Array(view.buffer, offset, length));
}

function sizeFrom(width: number, height: number): Size | null {
  return width > 0 && height > 0 ? { width, height } : null;
}

async function sizeOfJpeg(photo: Blob): Promise<Size | null> {
  for await (const { marker, head } of segments(photo)) {
    if (isFrameHeader(marker)) return sizeFrom(head.getUint16(7), head.getUint16(5));
  }
  return null;
}

/**
 * How a JPEG is to be turned to be upright, as EXIF numbers it: 1 not at all, 6 a quarter to the right; see orientation.ts.
 */
export async function readOrientation(photo: Blob): Promise<number> {
  for await (const { marker, offset, length } of segments(photo)) {
    if (isFrameHeader(marker)) break;
    const found = marker === APP1 ? orientationIn(await bytesAt(photo, offset + 4, length - 2)) : null;
    if (found !== null) return found;
  }
  return 1;
}

/** The tag among those of the first directory; null where these bytes are no EXIF or do not say. */
function orientationIn(exif: DataView): number | null {
  if (textAt(exif, 0, 6) !== "Exif\0\0" || exif.byteLength < 16) return null;
  const isLittle = exif.getUint16(6) === 0x4949;
  const directory = 6 + exif.getUint32(10, isLittle);
  if (directory + 2 > exif.byteLength) return null;
  const entries = exif.getUint16(directory, isLittle);
  for (let entry = directory + 2, n = 0; n < entries && entry + 12 <= exif.byteLength; n++, entry += 12) {
    if (exif.getUint16(entry, isLittle) !== ORIENTATION_TAG) continue;
    const value = exif.getUint16(entry + 8, isLittle);
    return value >= 1 && value <= 8 ? value : null;
  }
  return null;
}

interface Segment {
  marker: number;
  /** Where it begins in the file, and how long it is behind its marker. */
  offset: number;
  length: number;
  /** Its first nine bytes. */
  head: DataView;
}

/** The segments of a JPEG before its picture begins; thumbnails lie inside one and are stepped over. */
async function* segments(photo: Blob): AsyncGenerator<Segment> {
  let offset = 2;
  for (let count = 0; count < MOST_SEGMENTS; count++) {
    const head = await bytesAt(photo, offset, 9);
    if (head.byteLength < 9 || head.getUint8(0) !== 0xff) return;
    const marker = head.getUint8(1);
    if (marker === 0xff) {
      offset += 1; // a fill byte
    } else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      offset += 2; // these have no length
    } else if (marker < 0xc0 || marker === 0xd9 || marker === 0xda) {
      return; // the picture begins or ends
    } else {
      const length = head.getUint16(2);
      yield { marker, offset, length, head };
      offset += 2 + length;
    }
  }
}

/** SOF0 to SOF15; DHT, JPG and DAC lie between them. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function sizeOfPng(head: DataView): Size | null {
  if (head.byteLength < 24 || textAt(head, 12, 4) !== "IHDR") return null;
  return sizeFrom(head.getUint32(16), head.getUint32(20));
}

/** Lossy, lossless and extended WebP keep their size in three ways. */
function sizeOfWebp(head: DataView): Size | null {
  if (head.byteLength < 30) return null;
  switch (textAt(head, 12, 4)) {
    case "VP8 ":
      return sizeFrom(head.getUint16(26, true) & 0x3fff, head.getUint16(28, true) & 0x3fff);
    case "VP8L": {
      const bits = head.getUint32(21, true);
      return sizeFrom((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
    }
    case "VP8X":
      return sizeFrom((head.getUint32(24, true) & 0xffffff) + 1, (head.getUint32(26, true) >>> 8) + 1);
    default:
      return null;
  }
}
