import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { countPicture, type Mark, type Sidecar } from "../../src/count/count-picture";
import type { Engine } from "../../src/count/engine";
import { Int8Engine } from "../../src/count/int8-engine";
import { findPeaks } from "../../src/count/peaks";
import { type Picture, Shrinker } from "../../src/count/preprocess";
import type { Gate } from "../../src/sync/protocol";
import { goldenJson, repositoryPath, sha256 } from "../golden";
import { decodePng } from "../png";

interface PhotoVector {
  photo: string;
  heat_sha256: string[];
  counts: Record<string, number>;
  marks: Mark[];
  gate: Gate;
}

const golden = goldenJson<{
  model: string;
  peaks: { heat: number[][][]; threshold_q: number[]; found: [number, number, number, number][] }[];
  photos: (PhotoVector | { photo: string; problem: string })[];
}>("count.json");

const RELEASE = repositoryPath(`mobile_models/releases/base/${golden.model}/`);
const KERNELS = repositoryPath("field/engine/kernels.wasm");

/** JPEG photos are counted in a real browser: tests/field. */
const drawn = golden.photos.filter((vector): vector is PhotoVector => "counts" in vector && /png$/.test(vector.photo));

function open(name: string): Picture {
  const { rgba, ...size } = decodePng(readFileSync(repositoryPath(`tests/golden/photos/${name}`)));
  const shrinker = new Shrinker(size);
  shrinker.push(rgba);
  return shrinker.picture();
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

  test.each(drawn)("$photo: heat maps to the bit, marks, gate", async ({ photo, heat_sha256, ...expected }) => {
    engine.heats = [];
    const shares: number[] = [];
    const counted = await countPicture(open(photo), sidecar, engine, (done) => shares.push(done));
    expect(counted).toEqual(expected);
    const isCounted = counted.gate.verdict !== "rejected";
    expect(engine.heats).toEqual(isCounted ? heat_sha256 : []);
    expect(shares).toEqual(isCounted ? heat_sha256.map((_, index) => index / heat_sha256.length) : []);
  });
});

test.each(golden.peaks)("the peaks of a heat map full of ties are the server's", ({ heat, threshold_q, found }) => {
  const peaks = findPeaks(Uint8Array.from(heat.flat(2)), threshold_q);
  expect(peaks.map(({ row, column, species, value }) => [row, column, species, value])).toEqual(found);
});
