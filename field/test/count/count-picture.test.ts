import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { countPicture, type Mark, type Sidecar } from "../../src/count/count-picture";
import type { Engine } from "../../src/count/engine";
import { Int8Engine } from "../../src/count/int8-engine";
import { interval } from "../../src/count/interval";
import { eachOnce, findPeaks, type Placed } from "../../src/count/peaks";
import { type Picture, type Size, Sizes } from "../../src/count/preprocess";
import type { Gate } from "../../src/sync/protocol";
import { goldenJson, modelsPath, repositoryPath, sha256 } from "../golden";
import { decodePng } from "../png";

interface PhotoVector {
  photo: string;
  sides_px: number[];
  heat_sha256: string[];
  counts: Record<string, number>;
  intervals: Record<string, [number, number]>;
  marks: Mark[];
  gate: Gate;
}

const golden = goldenJson<{
  model: string;
  peaks: { answer: number[][][]; threshold_q: number[]; found: number[][] }[];
  doubles: { own: Placed[]; beyond: Placed[]; apart_px: number; kept: Placed[] }[];
  intervals: { counted: number; q: number; interval: [number, number] }[];
  photos: (PhotoVector | { photo: string; problem: string })[];
}>("count.json");

const RELEASE = modelsPath(`releases/base/${golden.model}/`);
const KERNELS = repositoryPath("field/engine/kernels-simd.wasm");

/** JPEG photos are counted in a real browser: tests/field. */
const drawn = golden.photos.filter((vector): vector is PhotoVector => "counts" in vector && /png$/.test(vector.photo));

/** The real sizes, which also write down what was asked of them. */
class WatchedSizes extends Sizes {
  readonly asked: number[] = [];

  constructor(size: Size, rgba: Uint8ClampedArray) {
    super(size);
    this.push(rgba);
  }

  override at(sidePx: number): Picture {
    this.asked.push(sidePx);
    return super.at(sidePx);
  }
}

function open(name: string): WatchedSizes {
  const { rgba, ...size } = decodePng(readFileSync(repositoryPath(`tests/golden/photos/${name}`)));
  return new WatchedSizes(size, rgba);
}

/** The real engine, which also writes down what it saw. */
class WatchedEngine implements Engine {
  readonly #engine: Engine;
  heats: string[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  load(model: Uint8Array): Promise<void> {
    return this.#engine.load(model);
  }

  async run(tile: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const heat = await this.#engine.run(tile);
    this.heats.push(sha256(heat));
    return heat;
  }
}

describe("the phone counts what the server counts", () => {
  let engine: WatchedEngine;
  const sidecar = JSON.parse(readFileSync(`${RELEASE}small.json`, "utf-8")) as Sidecar;

  beforeAll(async () => {
    engine = new WatchedEngine(new Int8Engine(async () => readFileSync(KERNELS)));
    await engine.load(readFileSync(`${RELEASE}small.tflite`));
  });

  test.each(drawn)("$photo: sizes, answers to the bit, marks, gate", async (vector) => {
    const { photo, sides_px, heat_sha256, ...expected } = vector;
    const sizes = open(photo);
    engine.heats = [];
    const shares: number[] = [];
    const counted = await countPicture(sizes, sidecar, engine, (share) => shares.push(share));
    expect(counted).toEqual(expected);
    expect(sizes.asked).toEqual([Math.min(512, sizes.longPx), ...sides_px]); // the gate's, then the looks'
    expect(engine.heats).toEqual(heat_sha256);
    expect(shares).toHaveLength(heat_sha256.length);
  });
});

test("who waits hears of every tile of every look, the share only grows, and there is room for one look more", async () => {
  const gate = { dark_mean_luma: 0, bright_mean_luma: 255, clipped_share: 1, blur_variance: 0, min_side_px: 96 };
  const tile = { tile_px: 512, overlap_px: 64, stride: 4 };
  const counting = { threshold_q: [100], share_q: [0], moth_codes: [128] };
  const sidecar: Sidecar = { name: "small", version: "v", ...tile, labels: ["GNORAB"], ...counting, gate };
  const grey = new WatchedSizes({ width: 2048, height: 1536 }, new Uint8ClampedArray(2048 * 1536 * 4).fill(128));
  // Sees nothing at all, so that every first look is taken.
  const blind: Engine = { load: async () => {}, run: async () => new Uint8Array(128 * 128 * 2) };
  const shares: number[] = [];
  await countPicture(grey, sidecar, blind, (share) => shares.push(share));
  expect(grey.asked).toEqual([512, 512, 1024, 2048, 256]);
  expect(shares).toHaveLength(1 + 6 + 20 + 1);
  expect(shares[0]).toBe(0);
  expect(shares).toEqual([...new Set(shares)].sort((a, b) => a - b));
  expect(shares.at(-1)).toBeLessThan(1);
});

test.each([
  ["each tile puts it on its own side", 95, 32, 1],
  ["each tile puts it on the other's side", 96, 31, 1],
  ["one tile alone sees it, on its own side", 95, null, 1],
  ["one tile alone sees it, on the other's side", null, 31, 0],
  ["two cells apart are two moths", 95, 33, 2],
])("a moth on the border of two tiles: %s", async (_story, leftColumn, rightColumn, expected) => {
  const gate = { dark_mean_luma: 0, bright_mean_luma: 255, clipped_share: 1, blur_variance: 0, min_side_px: 96 };
  const counting = { tile_px: 512, overlap_px: 64, stride: 4, threshold_q: [100], share_q: [0], moth_codes: [128] };
  const sidecar: Sidecar = { name: "small", version: "v", labels: ["GNORAB"], ...counting, gate };
  const grey = new WatchedSizes({ width: 2048, height: 1024 }, new Uint8ClampedArray(2048 * 1024 * 4).fill(128));
  // Nothing at 512 px; then tiles at 0, 256 and 512 px of 1024, borders at 384 and 640, the last with two moths of its own.
  const looks = [[], [leftColumn], [rightColumn], [100, 110]];
  const engine: Engine = {
    load: async () => {},
    run: async () => {
      const answer = new Uint8Array(128 * 128 * 2);
      for (const column of looks.shift() ?? []) if (column !== null) answer.set([200, 128], (40 * 128 + column) * 2);
      return answer;
    },
  };
  const { counts } = await countPicture(grey, sidecar, engine);
  expect(counts).toEqual({ GNORAB: 2 + expected });
});

test.each(golden.peaks)("the peaks of a heat map full of ties are the server's", ({ answer, threshold_q, found }) => {
  const peaks = findPeaks(Uint8Array.from(answer.flat(2)), threshold_q);
  expect(peaks.map(({ row, column, species, value, code }) => [row, column, species, value, code])).toEqual(found);
});

test.each(golden.doubles)(
  "of what two tiles saw both, that stays which the server keeps",
  ({ own, beyond, apart_px, kept }) => {
    expect(eachOnce(own, beyond, apart_px)).toEqual(kept);
  },
);

test.each(golden.intervals)("$counted counted, q $q: as sure as the server says", (vector) => {
  expect(interval(vector.counted, vector.q)).toEqual(vector.interval);
});
