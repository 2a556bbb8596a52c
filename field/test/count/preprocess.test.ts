import { describe, expect, test } from "vitest";
import { judge, type Light, type Limits, measureLight } from "../../src/count/gate";
import { owns, type Picture, Shrinker, shrunkSize, tileOffsets, tiles } from "../../src/count/preprocess";
import { goldenJson, sha256 } from "../golden";

interface PictureVector {
  formula: string;
  width: number;
  height: number;
  shrunk: [number, number];
  sha256: string;
  first_bytes: number[];
  light: Light;
  tiles: { x: number; y: number; sha256: string }[];
}

const golden = goldenJson<{
  formulas: Record<string, string>;
  shrunk_sizes: [number, number, number, number][];
  tile_offsets: [number, number[]][];
  owns: [number, number, number, boolean][];
  pictures: PictureVector[];
  gate: { light: Light; limits: Limits; verdict: string; reason: string | null }[];
}>("preprocess.json");

/** The rows of a picture that both languages draw from the same formula. */
function rowsOf({ formula, width }: PictureVector, from: number, to: number): Uint8ClampedArray {
  const valueAt = new Function("x", "y", "c", `return ${golden.formulas[formula]}`) as (...xyc: number[]) => number;
  const rgba = new Uint8ClampedArray(width * (to - from) * 4);
  for (let y = from, at = 0; y < to; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) rgba[at++] = valueAt(x, y, c);
      rgba[at++] = 255;
    }
  }
  return rgba;
}

function shrink(vector: PictureVector, stripeRows: number): Picture {
  const shrinker = new Shrinker(vector);
  for (let top = 0; top < vector.height; top += stripeRows) {
    shrinker.push(rowsOf(vector, top, Math.min(top + stripeRows, vector.height)));
  }
  return shrinker.picture();
}

describe("the picture rule is the server's", () => {
  test.each(golden.pictures)("$formula $width x $height: shrunk picture, light and tiles, byte for byte", (vector) => {
    const picture = shrink(vector, 128);
    expect([picture.width, picture.height]).toEqual(vector.shrunk);
    expect([...picture.rgb.subarray(0, vector.first_bytes.length)]).toEqual(vector.first_bytes);
    expect(sha256(picture.rgb)).toBe(vector.sha256);
    expect(measureLight(picture)).toEqual(vector.light);
    const cut = [...tiles(picture)].map(({ x_px, y_px, rgb }) => ({ x: x_px, y: y_px, sha256: sha256(rgb) }));
    expect(cut).toEqual(vector.tiles);
  });

  test("it does not matter how many rows come at a time", () => {
    const [vector] = golden.pictures;
    expect(sha256(shrink(vector, 1).rgb)).toBe(vector.sha256);
    expect(sha256(shrink(vector, vector.height).rgb)).toBe(vector.sha256);
  });

  test.each(golden.shrunk_sizes)("%i x %i becomes %i x %i", (width, height, ...expected) => {
    expect(Object.values(shrunkSize({ width, height }))).toEqual(expected);
  });

  test.each(golden.tile_offsets)("tiles along %i px start at %j", (length, offsets) => {
    expect(tileOffsets(length)).toEqual(offsets);
  });

  test.each(golden.owns)("of %i px, the tile at %i counts a centre at %f: %s", (length, offset, centre, expected) => {
    expect(owns(length, offset, centre)).toBe(expected);
  });

  test("a picture that lacks rows is not counted as if it were whole", () => {
    const shrinker = new Shrinker({ width: 2, height: 2 });
    shrinker.push(new Uint8ClampedArray(8));
    expect(() => shrinker.picture()).toThrow("1 of 2 rows");
  });
});

test.each(golden.gate)("the gate judges $light as $verdict ($reason)", ({ light, limits, verdict, reason }) => {
  expect(judge(light, limits)).toEqual({ verdict, reason });
});
