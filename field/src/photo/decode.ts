/**
 * A photo file becomes the sizes at which it is counted: upright, RGB, without colour conversion.
 *
 * Runs in the worker. A 50 megapixel photo never lies in memory twice: it passes through a canvas of 128 rows, and what
 * is kept of it has at most 4096 px on the long side; the browser's own copy is gone before counting begins.
 * The browser must not do the shrinking: its ways of doing so differ from one another and from the server.
 */

import { type Size, Sizes } from "../count/preprocess";
import { Problem } from "../problem";
import { readSize } from "./header";

/**
 * More are not decoded at full size: 200 MB for 50 megapixels are more than a phone of 2 GB has left. What the decoder leaves
 * out is more than the sizes that are counted at need.
 */
const MOST_DECODED_PIXELS = 20_000_000;
const MIN_SIDE_PX = 96;
const MAX_PIXELS = 50_000_000;
const STRIPE_ROWS = 128;

export interface DecodedPhoto {
  sizes: Sizes;
  /**
   * How much smaller than the file the browser decoded it, 1 for not at all. Phones with little memory do this in
   * silence; the counter finds its scale by itself, so it costs little, but it must be known.
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
  const picture = (await decodedSmaller(photo, stored)) ?? (await bitmapOf(photo, name));
  try {
    const size = sizeOf(picture);
    return {
      sizes: sizesOf(picture, size),
      decoded_scale: Math.max(size.width, size.height) / Math.max(stored.width, stored.height),
    };
  } finally {
    picture.close();
  }
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

/**
 * A JPEG of very many megapixels, decoded at some eighths of its size: only then does the whole never lie in memory.
 *
 * Null where the photo is not so large, or this browser cannot.
 */
async function decodedSmaller(photo: Blob, { width, height }: Size): Promise<VideoFrame | null> {
  if (width * height <= MOST_DECODED_PIXELS || typeof ImageDecoder === "undefined") return null;
  const scale = Math.sqrt(MOST_DECODED_PIXELS / (width * height));
  const decoder = new ImageDecoder({
    data: photo.stream(),
    type: "image/jpeg",
    desiredWidth: Math.floor(width * scale),
    desiredHeight: Math.floor(height * scale),
    colorSpaceConversion: "none",
  });
  try {
    return (await decoder.decode()).image;
  } catch {
    return null;
  } finally {
    decoder.close();
  }
}

function sizeOf(picture: ImageBitmap | VideoFrame): Size {
  if (picture instanceof ImageBitmap) return picture;
  return { width: picture.displayWidth, height: picture.displayHeight };
}

function sizesOf(picture: ImageBitmap | VideoFrame, { width, height }: Size): Sizes {
  const sizes = new Sizes({ width, height });
  const canvas = new OffscreenCanvas(width, Math.min(STRIPE_ROWS, height));
  const context = contextOf(canvas);
  for (let top = 0; top < height; top += STRIPE_ROWS) {
    const rows = Math.min(STRIPE_ROWS, height - top);
    context.drawImage(picture, 0, top, width, rows, 0, 0, width, rows);
    sizes.push(context.getImageData(0, 0, width, rows).data);
  }
  return sizes;
}

function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  if (!context) throw new Error("this browser cannot draw in a worker");
  context.imageSmoothingEnabled = false;
  return context;
}
