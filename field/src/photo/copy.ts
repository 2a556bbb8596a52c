/**
 * A smaller JPEG of a photo, made from pixels that are decoded already. Runs in the worker.
 *
 * It is upright and has nothing hidden in it: cameras write place and owner into theirs.
 */

import type { Picture, Sizes } from "../count/preprocess";

/** Long side of the copy that may be sent: enough to recount from, small enough for a slow network. */
const SENT_SIDE_PX = 1920;
const SENT_QUALITY = 0.85;
/** The size at which the gate looks at the light, so that it is there already. */
const PREVIEW_SIDE_PX = 512;
const STRIPE_ROWS = 128;

/** The copy that is kept, shown with its marks, and sent if that is agreed to. */
export async function smallCopy(sizes: Sizes): Promise<Blob> {
  const canvas = drawn(sizes.at(Math.min(SENT_SIDE_PX, sizes.longPx)));
  return canvas.convertToBlob({ type: "image/jpeg", quality: SENT_QUALITY });
}

/** What a person sees while the photo is counted. */
export function preview(sizes: Sizes): ImageBitmap {
  return drawn(sizes.at(Math.min(PREVIEW_SIDE_PX, sizes.longPx))).transferToImageBitmap();
}

function drawn({ width, height, rgb }: Picture): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("this browser cannot draw in a worker");
  const stripe = new ImageData(width, Math.min(STRIPE_ROWS, height));
  stripe.data.fill(255);
  for (let top = 0, from = 0; top < height; top += STRIPE_ROWS) {
    const end = Math.min(height, top + STRIPE_ROWS) * width * 3;
    for (let to = 0; from < end; from += 3, to += 4) {
      stripe.data[to] = rgb[from] as number;
      stripe.data[to + 1] = rgb[from + 1] as number;
      stripe.data[to + 2] = rgb[from + 2] as number;
    }
    context.putImageData(stripe, 0, top);
  }
  return canvas;
}
