/**
 * The light and the sharpness of a photo, measured in whole numbers and held against limits.
 *
 * Twin: pestwatch/vision/light.py, held by tests/golden/preprocess.json.
 */

import type { Picture } from "./preprocess";

/** Luma at and beyond which a pixel holds no detail. */
const BLACK_LUMA = 4;
const WHITE_LUMA = 251;

/** What is measured of a photo; see the twin for each. */
export interface Light {
  mean_luma: number;
  clipped: number;
  pixels: number;
  blur_variance: number;
}

/**
 * The "limits" of gate.json: beyond a limit a photo is doubtful, far beyond it is rejected.
 *
 * Far means: half the mean luma (or half the distance to white), twice the clipped share, a quarter of the blur variance.
 */
export interface Limits {
  dark_mean_luma: number;
  bright_mean_luma: number;
  clipped_share: number;
  blur_variance: number;
  min_side_px: number;
}

/** (77 R + 150 G + 29 B) >> 8 of every pixel. */
function lumaOf({ width, height, rgb }: Picture): Uint8Array {
  const grey = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < grey.length; i++, at += 3) {
    grey[i] = (77 * rgb[at] + 150 * rgb[at + 1] + 29 * rgb[at + 2]) >> 8;
  }
  return grey;
}

/** Measures a sized photo. */
export function measureLight(picture: Picture): Light {
  const { width, height } = picture;
  const grey = lumaOf(picture);
  let sum = 0;
  let clipped = 0;
  for (const value of grey) {
    sum += value;
    if (value <= BLACK_LUMA || value >= WHITE_LUMA) clipped++;
  }
  let squares = 0;
  for (let row = 1; row < height - 1; row++) {
    for (let i = row * width + 1, end = (row + 1) * width - 1; i < end; i++) {
      const laplacian = 4 * grey[i] - grey[i - width] - grey[i + width] - grey[i - 1] - grey[i + 1];
      squares += laplacian * laplacian;
    }
  }
  const inner = Math.max(0, width - 2) * Math.max(0, height - 2);
  return {
    mean_luma: Math.floor(sum / grey.length),
    clipped,
    pixels: grey.length,
    blur_variance: inner > 0 ? Math.floor(squares / inner) : 0,
  };
}
