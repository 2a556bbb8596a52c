/**
 * At which size to count a photo: the counter looks, sees how long the moths are, and steps nearer or back.
 *
 * A photo says nothing about its scale. The network tells the length of each moth that it finds, so from the usual length
 * of a first look there follows the size at which moths would be as long as the network wants them; then it looks again,
 * until the lengths agree with the size. What was found at that last look is the count. Sizes lie a quarter of an octave
 * apart, so that a phone's and a server's small differences do not lead to different sizes.
 *
 * A look that shows (almost) no moth says nothing about the scale: the next of FIRST_LOOKS is taken.
 *
 * Twin: pestwatch/vision/look.py, held by tests/golden/count.json.
 */

import { MAX_SIDE_PX } from "./preprocess";

/** 512 * 2^(n / 4), rounded: the sizes at which a photo may be looked at. */
const SIDES_PX = [
  128, 152, 181, 215, 256, 304, 362, 431, 512, 609, 724, 861, 1024, 1218, 1448, 1722, 2048, 2435, 2896, 3444, 4096,
];
/** Places in SIDES_PX: 512, then 1024, 2048 and 256. */
const FIRST_LOOKS = [8, 12, 16, 4];
/** Codes of the length channel in one step of SIDES_PX: 256 for four octaves. */
const STEP_CODE = 16;
/** Fainter peaks are not looked at: neither for the scale nor for the count. */
export const SEEN_Q = 48;
/** Least sum of heat that is believed about the scale: two sure moths. */
const EVIDENCE_Q = 400;
const MOST_LOOKS = 7;
/** A photo is enlarged to at most this factor: beyond it there is nothing more to see. */
const ENLARGED = 2;

/** One moth of one look: its centre as a fraction of the photo, its heat (1 to 255) and the code of its length. */
export interface Seen {
  x: number;
  y: number;
  species: number;
  value: number;
  code: number;
}

/** Finds the moths at a long side, down to a heat of SEEN_Q. */
export type See = (sidePx: number) => Promise<Seen[]>;

/**
 * Looks at a photo until size and lengths agree; gives what was seen at the last size, also what is too faint to count.
 *
 * @param mothCodes per species, the length code that this network answers where moths are as long as they are counted at
 */
export async function look(longPx: number, mothCodes: readonly number[], see: See): Promise<Seen[]> {
  const most = Math.min(ENLARGED * longPx, MAX_SIDE_PX);
  const last = Math.max(0, SIDES_PX.filter((side) => side <= most).length - 1);
  const found = new Map<number, Seen[]>();
  const at = async (place: number) => {
    const seen = found.get(place) ?? (await see(SIDES_PX[place]));
    found.set(place, seen);
    return seen;
  };

  const firsts = [...new Set(FIRST_LOOKS.map((place) => Math.min(place, last)))];
  let place: number | undefined;
  for (const first of firsts) {
    if (stepsOff(await at(first), mothCodes) === null) continue;
    place = first;
    break;
  }
  if (place === undefined) return at(firsts[Math.min(1, firsts.length - 1)]);
  while (found.size < MOST_LOOKS) {
    const off = stepsOff(await at(place), mothCodes) ?? 0;
    const wanted = Math.min(Math.max(place - off, 0), last);
    if (found.has(wanted)) break;
    // Nothing to believe there: what was seen before is the better answer.
    if (stepsOff(await at(wanted), mothCodes) === null) break;
    place = wanted;
  }
  return at(place);
}

/**
 * How many sizes too near a look was; less than nothing when it was too far, null when there is too little heat to believe.
 *
 * Every moth says by how much it is longer than its species is counted at; the median, each weighing as much as its
 * heat, decides. Halves of steps are rounded up.
 */
export function stepsOff(seen: readonly Seen[], mothCodes: readonly number[]): number | null {
  const believed = seen.map(({ code, species, value }) => ({ longer: code - mothCodes[species], value }));
  const total = believed.reduce((sum, { value }) => sum + value, 0);
  if (total < EVIDENCE_Q) return null;
  let below = 0;
  for (const { longer, value } of believed.sort((a, b) => a.longer - b.longer)) {
    below += value;
    if (2 * below >= total) return Math.floor((2 * longer + STEP_CODE) / (2 * STEP_CODE));
  }
  return null;
}
