import { expect, test } from "vitest";
import type { Engine } from "../../src/count/engine";
import { type GateSidecar, judge, judgeLight, judgeScores } from "../../src/count/gate";
import type { Light, Limits } from "../../src/count/light";
import { Sizes } from "../../src/count/preprocess";
import { goldenJson, sha256 } from "../golden";

type Limited = Pick<GateSidecar, "threshold_q" | "reject_q">;
type Judged = { verdict: string; reason: string | null };

const golden = goldenJson<{
  formulas: Record<string, string>;
  reasons: GateSidecar["reasons"];
  lights: ({ light: Light; limits: Limits } & Judged)[];
  scores: ({ scores: number[] } & Limited & Judged)[];
  photos: ({ formula: string; width: number; height: number; scores: number[]; tile_sha256: string | null } & Judged)[];
}>("gate.json");

/** A network that says what it is told to, and writes down what it saw. */
class Answering implements Engine {
  readonly #scores: number[];
  /** Nothing when the light alone had the last word. */
  seen: string | null = null;

  constructor(scores: number[]) {
    this.#scores = scores;
  }

  async load(): Promise<void> {}

  async run(tile: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    this.seen = sha256(tile);
    return Uint8Array.from(this.#scores);
  }
}

function draw(formula: string, width: number, height: number): Sizes {
  const valueAt = new Function("x", "y", "c", `return ${golden.formulas[formula]}`) as (...xyc: number[]) => number;
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) rgba[at++] = valueAt(x, y, c);
      rgba[at++] = 255;
    }
  }
  const sizes = new Sizes({ width, height });
  sizes.push(rgba);
  return sizes;
}

test.each(golden.lights)("$light is judged as $verdict ($reason)", ({ light, limits, verdict, reason }) => {
  expect(judgeLight(light, limits)).toEqual({ verdict, reason });
});

test.each(golden.scores)(
  "the scores $scores are judged as $verdict ($reason)",
  ({ scores, verdict, reason, ...limits }) => {
    expect(judgeScores(scores, { reasons: golden.reasons, ...limits })).toEqual({ verdict, reason });
  },
);

test.each(golden.photos)("$formula $width x $height with $scores is $verdict ($reason)", async (vector) => {
  const [{ threshold_q, reject_q }] = golden.scores;
  const [{ limits }] = golden.lights;
  const sidecar = { version: "made", side_px: 160, reasons: golden.reasons, threshold_q, reject_q, limits };
  const engine = new Answering(vector.scores);
  const sizes = draw(vector.formula, vector.width, vector.height);
  expect(await judge(sizes, { sidecar, engine })).toEqual({ verdict: vector.verdict, reason: vector.reason });
  expect(engine.seen).toBe(vector.tile_sha256);
});
