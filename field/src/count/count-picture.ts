/**
 * Picture to counts: gate, tiles, engine, peaks. The whole counting rule, without a browser around it.
 *
 * Twin: pestwatch/vision/infer.py, held by tests/golden/count.json.
 */

import type { Counts, Gate } from "../sync/protocol";
import type { Engine } from "./engine";
import { judge, type Limits, measureLight } from "./gate";
import { findPeaks } from "./peaks";
import { owns, type Picture, tiles } from "./preprocess";

/** What must be known of a model beside its weights: small.json of a release. */
export interface Sidecar {
  name: string;
  version: string;
  tile_px: number;
  overlap_px: number;
  stride: number;
  labels: string[];
  threshold_q: number[];
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
  marks: Mark[];
  gate: Gate;
}

/** Counts a shrunk photo; a rejected one is not counted and has no marks. */
export async function countPicture(
  picture: Picture,
  sidecar: Sidecar,
  engine: Engine,
  onProgress: (done: number) => void = () => {},
): Promise<PictureCount> {
  const gate = judge(measureLight(picture), sidecar.gate);
  const marks = gate.verdict === "rejected" ? [] : await findMarks(picture, sidecar, engine, onProgress);
  const counts: Counts = Object.fromEntries(sidecar.labels.map((label) => [label, 0]));
  for (const mark of marks) counts[mark.species]++;
  return { counts, marks, gate };
}

async function findMarks(
  picture: Picture,
  { stride, labels, threshold_q }: Sidecar,
  engine: Engine,
  onProgress: (done: number) => void,
): Promise<Mark[]> {
  const { width, height } = picture;
  const marks: Mark[] = [];
  const all = [...tiles(picture)];
  for (const [index, tile] of all.entries()) {
    onProgress(index / all.length);
    for (const peak of findPeaks(await engine.run(tile.rgb), threshold_q)) {
      const x_px = (peak.column + 0.5) * stride + tile.x_px;
      const y_px = (peak.row + 0.5) * stride + tile.y_px;
      if (owns(width, tile.x_px, x_px) && owns(height, tile.y_px, y_px)) {
        marks.push({
          x: rounded(x_px / width, 4),
          y: rounded(y_px / height, 4),
          species: labels[peak.species],
          score: rounded(peak.value / 256, 3),
        });
      }
    }
  }
  return marks;
}

/** To decimal digits as Python's round does: a tie goes to the even digit, where toFixed takes the greater one. */
function rounded(value: number, digits: number): number {
  const scale = 10 ** digits;
  const below = Math.floor(value * scale);
  // Only multiples of 2^-(digits + 1) can lie exactly between two decimals; for all others the product misleads.
  const isTie = Number.isInteger(value * 2 ** (digits + 1)) && value * scale - below === 0.5;
  return isTie ? (below + (below % 2)) / scale : Number(value.toFixed(digits));
}
