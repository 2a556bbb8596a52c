/**
 * How hot a peak must be to count: a share of what the photo's own sure moths reach, held near a usual value.
 *
 * Another phone or other light lowers every heat of a photo together. A fixed threshold then misses moths; one that
 * follows the photo does not. With few moths there is nothing to follow, and the usual threshold holds.
 *
 * Twin: pestwatch/vision/threshold.py, held by tests/golden/count.json.
 */

/** The moth whose heat is followed: seven in ten of those seen are fainter. */
const LEVEL_TENTHS = 7;
/** So many moths weigh as much as the usual threshold. */
const FEW = 4;
/** In 256ths of the usual threshold: no photo leads farther away from it. */
const LEAST = 196;
const MOST = 320;
const WHOLE = 256;

/**
 * The least heat that counts on one photo, for one species, in 1/256.
 *
 * @param values heat of every peak of the species at the last look, 1 to 255
 * @param usualQ the threshold of a photo that tells nothing
 * @param shareQ what share of the sure moths' heat a moth must reach, in 256ths; 0 follows nothing
 */
export function photoThreshold(values: readonly number[], usualQ: number, shareQ: number): number {
  const count = values.length;
  if (count === 0 || shareQ === 0) return usualQ;
  const level = [...values].sort((a, b) => a - b)[Math.floor((LEVEL_TENTHS * (count - 1)) / 10)];
  const followed = Math.floor((count * shareQ * level + FEW * WHOLE * usualQ) / (WHOLE * (count + FEW)));
  return Math.min(Math.max(followed, Math.floor((LEAST * usualQ) / WHOLE)), Math.floor((MOST * usualQ) / WHOLE));
}
