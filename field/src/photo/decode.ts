/**
 * A photo file becomes the sizes at which it is counted: upright, RGB, without colour conversion.
 *
 * Runs in the worker. A large photo never lies in memory twice: it comes from the decoder in stripes of 128 rows, and what
 * is kept of it has at most 4096 px on the long side; the browser's own copy is gone before counting begins.
 * The browser must not do the shrinking: its ways of doing so differ from one another and from the server. The one case
 * in which it does is a photo of very many megapixels, which a small phone cannot hold at all.
 */

import { type Size, Sizes } from "../count/preprocess";
import { Problem } from "../problem";
import { readOrientation, readSize } from "./header";
import { storedPart, turn, uprightSize } from "./orientation";

/** 200 MB for 50 megapixels are more than a phone of 2 GB has left; of more than this only some eighths are decoded. */
const MOST_DECODED_PIXELS = 20_000_000;
const MIN_SIDE_PX = 96;
const MAX_PIXELS = 50_000_000;
const STRIPE_ROWS = 128;

export interface DecodedPhoto {
  sizes: Sizes;
  /**
   * How much smaller than the file it was decoded, 1 for not at all. We ask for that with very many megapixels, and phones
   * with little memory do it in silence; the counter finds its scale by itself, so it costs little, but it must be known.
   */
  decoded_scale: number;
}

/**
 * Decodes a photo.
 *
 * @throws Problem 422.1 (no picture, or a damaged one), 422.2 (empty), 422.3 (too small), 422.4 (too large)
 */
export async function decodePhoto(photo: Blob): Promise<DecodedPhoto> {
  const name = nameOf(photo);
  if (photo.size === 0) throw new Problem("422.2", { name });
  const stored = await readSize(photo);
  if (!stored) throw new Problem("422.1", { name });
  refuseOddSizes(stored, name);
  const sizes = (await sizesOfJpeg(photo, stored)) ?? (await sizesOfBitmap(photo, name));
  return { sizes, decoded_scale: sizes.decodedPx / Math.max(stored.width, stored.height) };
}

function nameOf(photo: Blob): string {
  return photo instanceof File && photo.name ? photo.name : "photo";
}

/** Refuses what the server would refuse. */
export function refuseOddSizes({ width, height }: Size, name: string): void {
  const millions = 1_000_000;
  if (width * height > MAX_PIXELS) {
    const megapixels = Math.floor((width * height) / millions);
    throw new Problem("422.4", { name, megapixels, limit: MAX_PIXELS / millions });
  }
  const side_px = Math.max(width, height);
  if (side_px < MIN_SIDE_PX) throw new Problem("422.3", { name, side_px, limit_px: MIN_SIDE_PX });
}

/**
 * The frugal way, where there is one (Chromium): the decoder's own copy is the only one, and it can decode smaller.
 *
 * Null where this browser or this file does not go that way; the bytes are the same either way.
 */
async function sizesOfJpeg(photo: Blob, stored: Size): Promise<Sizes | null> {
  if (typeof ImageDecoder === "undefined" || !(await isJpeg(photo))) return null;
  const frame = await decodedFrame(photo, stored).catch(() => null);
  if (!frame) return null;
  try {
    // Some files come as luma and chroma, and how those become RGB is not the same everywhere.
    const [, order] = frame.format?.match(/^(RGB|BGR)[AX]$/) ?? [];
    if (!order) return null;
    const size = { width: frame.codedWidth, height: frame.codedHeight };
    return await sizesOfFrame(frame, size, await readOrientation(photo), order === "BGR");
  } finally {
    frame.close();
  }
}

async function isJpeg(photo: Blob): Promise<boolean> {
  const [first, second] = new Uint8Array(await photo.slice(0, 2).arrayBuffer());
  return first === 0xff && second === 0xd8;
}

async function decodedFrame(photo: Blob, { width, height }: Size): Promise<VideoFrame> {
  const share = Math.sqrt(MOST_DECODED_PIXELS / (width * height));
  const decoder = new ImageDecoder({
    data: photo.stream(), // given as a whole, it would come as luma and chroma
    type: "image/jpeg",
    colorSpaceConversion: "none",
    ...(share < 1 && { desiredWidth: Math.floor(width * share), desiredHeight: Math.floor(height * share) }),
  });
  try {
    return (await decoder.decode()).image;
  } finally {
    decoder.close();
  }
}

async function sizesOfFrame(frame: VideoFrame, stored: Size, orientation: number, isBgr: boolean): Promise<Sizes> {
  const size = uprightSize(stored, orientation);
  const sizes = new Sizes(size);
  const part = new Uint8Array(size.width * STRIPE_ROWS * 4);
  const out = new Uint8ClampedArray(part.length);
  for (let top = 0; top < size.height; top += STRIPE_ROWS) {
    const rect = storedPart(stored, orientation, top, Math.min(STRIPE_ROWS, size.height - top));
    const bytes = rect.width * rect.height * 4;
    await frame.copyTo(part, { rect });
    turn(part, rect, orientation, isBgr, out);
    sizes.push(out.subarray(0, bytes));
  }
  return sizes;
}

async function sizesOfBitmap(photo: Blob, name: string): Promise<Sizes> {
  const bitmap = await bitmapOf(photo, name);
  try {
    const { width, height } = bitmap;
    const sizes = new Sizes({ width, height });
    const context = contextOf(new OffscreenCanvas(width, Math.min(STRIPE_ROWS, height)));
    for (let top = 0; top < height; top += STRIPE_ROWS) {
      const rows = Math.min(STRIPE_ROWS, height - top);
      context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
      sizes.push(context.getImageData(0, 0, width, rows).data);
    }
    return sizes;
  } finally {
    bitmap.close();
  }
}

async function bitmapOf(photo: Blob, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(photo, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch {
    throw new Problem("422.1", { name });
  }
}

function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  if (!context) throw new Error("this browser cannot draw in a worker");
  context.imageSmoothingEnabled = false;
  return context;
}
