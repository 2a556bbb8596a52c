/**
 * Photo to counts: gate, looks, tiles, engine, peaks. The whole counting rule, without a browser around it.
 *
 * Twin: pestwatch/vision/infer.py, held by tests/golden/count.json.
 */

import type { Counts, Gate, Interval } from "../sync/protocol";
import type { Engine } from "./engine";
import { judge, judgeLight, lightOf, type OpenGate } from "./gate";
import { interval } from "./interval";
import type { Limits } from "./light";
import { look, SEEN_Q, type Seen } from "./look";
import { APART_CELLS, eachOnce, findPeaks, type Placed } from "./peaks";
import { owned, type Picture, type Sizes, tileOffsets, tiles } from "./preprocess";
import { photoThreshold } from "./threshold";

/** What must be known of a model beside its weights: small.json of a release. */
export interface Sidecar {
  name: string;
  version: string;
  tile_px: number;
  overlap_px: number;
  stride: number;
  labels: string[];
  threshold_q: number[];
  share_q: number[];
  moth_codes: number[];
  /** How far counts of each label go wrong, see interval.ts; null where nobody measured it, none in older releases. */
  interval_q90?: (number | null)[];
  gate: Limits;
}

/** One counted insect: its centre as a fraction of the upright photo, and the heat there, 0 to 1. */
export interface Mark {
  x: number;
  y: number;
  species: string;
  score: number;
}

export interface PictureCount {
  counts: Counts;
  /** Of the labels whose error was measured. */
  intervals: Record<string, Interval>;
  marks: Mark[];
  gate: Gate;
}

/** Told the share of the work that is done, 0 to 1; never less than before. */
export type OnProgress = (share: number) => void;

/**
 * What a look takes of the work that is left: nobody knows how many follow. The first is a glance at one or two tiles,
 * the second mostly the last.
 */
const FIRST_LOOK = 0.1;
const LATER_LOOK = 0.75;

/** Counts a photo; a rejected one is not counted and has no marks. Without a gate it is judged by its light alone. */
export async function countPicture(
  sizes: Sizes,
  sidecar: Sidecar,
  engine: Engine,
  onProgress: OnProgress = () => {},
  photoGate?: OpenGate,
): Promise<PictureCount> {
  const gate = photoGate ? await judge(sizes, photoGate) : judgeLight(lightOf(sizes), sidecar.gate);
  const isCounted = gate.verdict !== "rejected";
  const marks = isCounted ? await findMarks(sizes, sidecar, engine, onProgress) : [];
  const counts: Counts = Object.fromEntries(sidecar.labels.map((label) => [label, 0]));
  for (const mark of marks) counts[mark.species]++;
  return { counts, intervals: isCounted ? intervalsOf(counts, sidecar) : {}, marks, gate };
}

function intervalsOf(counts: Counts, { labels, interval_q90 = [] }: Sidecar): Record<string, Interval> {
  const reaches = labels.map((label, place) => [label, interval_q90[place] ?? null] as const);
  return Object.fromEntries(reaches.flatMap(([label, q]) => (q === null ? [] : [[label, interval(counts[label], q)]])));
}

/** What counts of what was seen at the last look. */
async function findMarks(sizes: Sizes, sidecar: Sidecar, engine: Engine, onProgress: OnProgress): Promise<Mark[]> {
  let done = 0;
  const seen = await look(sizes.longPx, sidecar.moth_codes, async (sidePx) => {
    const before = done;
    const part = (1 - before) * (before === 0 ? FIRST_LOOK : LATER_LOOK);
    done += part;
    return see(sizes.at(sidePx), sidecar, engine, (share) => onProgress(before + part * share));
  });
  const least = sidecar.labels.map((_, kind) => {
    const values = seen.filter(({ species }) => species === kind).map(({ value }) => value);
    return photoThreshold(values, sidecar.threshold_q[kind], sidecar.share_q[kind]);
  });
  return seen
    .filter(({ species, value }) => value >= least[species])
    .map(({ x, y, species, value }) => ({
      x: rounded(x, 4),
      y: rounded(y, 4),
      species: sidecar.labels[species],
      score: rounded(value / 256, 3),
    }));
}

/**
 * Everything that the network finds at one size, tile by tile, within a tile by species, row and column.
 *
 * Two tiles may put one moth a cell apart, on either side of their border: each tells a little beyond it. Moths that are
 * found in this way alone come last.
 */
async function see(sized: Picture, sidecar: Sidecar, engine: Engine, onProgress: OnProgress): Promise<Seen[]> {
  const { width, height } = sized;
  const { tile_px, overlap_px, stride } = sidecar;
  const faintest = sidecar.labels.map(() => SEEN_Q);
  const [columns, rows] = [width, height].map((length) => tileOffsets(length, tile_px, overlap_px).length);
  const apart_px = APART_CELLS * stride;
  const own: Placed[] = [];
  const beyond: Placed[] = [];
  let done = 0;
  for (const tile of tiles(sized, tile_px, overlap_px)) {
    onProgress(done++ / (columns * rows));
    const [left, right] = owned(width, tile.x_px, tile_px, overlap_px);
    const [top, bottom] = owned(height, tile.y_px, tile_px, overlap_px);
    for (const { row, column, species, value, code } of findPeaks(await engine.run(tile.rgb), faintest)) {
      const x_px = (column + 0.5) * stride + tile.x_px;
      const y_px = (row + 0.5) * stride + tile.y_px;
      const placed = { x_px, y_px, species, value, code };
      const tellsX = left - apart_px <= x_px && x_px < Math.min(right + apart_px, width);
      const tellsY = top - apart_px <= y_px && y_px < Math.min(bottom + apart_px, height);
      if (left <= x_px && x_px < right && top <= y_px && y_px < bottom) own.push(placed);
      else if (tellsX && tellsY) beyond.push(placed);
    }
  }
  return eachOnce(own, beyond, apart_px).map(({ x_px, y_px, species, value, code }) => ({
    x: x_px / width,
    y: y_px / height,
    species,
    value,
    code,
  }));
}

/** To decimal digits as Python's round does: a tie goes to the even digit, where toFixed takes the greater one. */
function rounded(value: number, digits: number): number {
  const scale = 10 ** digits;
  const below = Math.floor(value * scale);
  // Only multiples of 2^-(digits + 1) can lie exactly between two decimals; for all others the product misleads.
  const isTie = Number.isInteger(value * 2 ** (digits + 1)) && value * scale - below === 0.5;
  return isTie ? (below + (below % 2)) / scale : Number(value.toFixed(digits));
}
