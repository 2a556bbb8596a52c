import { describe, expect, test } from "vitest";
import { type Light, measureLight } from "../../src/count/light";
import { owned, Sizes, tileOffsets, tiles } from "../../src/count/preprocess";
import { goldenJson, sha256 } from "../golden";

interface Drawing {
  formula: string;
  width: number;
  height: number;
}

interface PictureVector extends Drawing {
  long_px: number;
  sized: { side_px: number; width: number; height: number; first_bytes: number[]; sha256: string }[];
  light: Light;
}

interface Tiling extends Drawing {
  side_px: number;
  tile_px: number;
  overlap_px: number;
  tiles: { x: number; y: number; sha256: string }[];
}

interface Axis {
  length: number;
  tile_px: number;
  overlap_px: number;
  offsets: number[];
  owned: [number, number][];
}

const golden = goldenJson<{
  formulas: Record<string, string>;
  pictures: PictureVector[];
  axes: Axis[];
  tilings: Tiling[];
}>("preprocess.json");

/** The rows of a picture that both languages draw from the same formula. */
function rowsOf({ formula, width }: Drawing, from: number, to: number): Uint8ClampedArray {
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

function draw(drawing: Drawing, stripeRows = 128): Sizes {
  const sizes = new Sizes(drawing);
  for (let top = 0; top < drawing.height; top += stripeRows) {
    sizes.push(rowsOf(drawing, top, Math.min(top + stripeRows, drawing.height)));
  }
  return sizes;
}

describe("the picture rule is the server's", () => {
  test.each(golden.pictures)("$formula $width x $height: every size and the light, byte for byte", (vector) => {
    const sizes = draw(vector);
    expect(sizes.longPx).toBe(vector.long_px);
    const sized = vector.sized.map(({ side_px, first_bytes }) => {
      const { rgb, ...size } = sizes.at(side_px);
      return { side_px, ...size, first_bytes: [...rgb.subarray(0, first_bytes.length)], sha256: sha256(rgb) };
    });
    expect(sized).toEqual(vector.sized);
    expect(measureLight(sizes.at(512))).toEqual(vector.light);
  });

  test("it does not matter how many rows come at a time, nor which size was asked for before", () => {
    for (const vector of golden.pictures.slice(0, 2)) {
      for (const stripeRows of [1, vector.height]) {
        const sizes = draw(vector, stripeRows);
        const hashes = vector.sized.toReversed().map(({ side_px }) => sha256(sizes.at(side_px).rgb));
        expect(hashes.toReversed()).toEqual(vector.sized.map((one) => one.sha256));
      }
    }
  });

  test.each(golden.axes)("along $length px lie tiles of $tile_px px, and each owns its part", (axis) => {
    const { length, tile_px, overlap_px } = axis;
    expect(tileOffsets(length, tile_px, overlap_px)).toEqual(axis.offsets);
    expect(axis.offsets.map((offset) => owned(length, offset, tile_px, overlap_px))).toEqual(axis.owned);
  });

  test.each(golden.tilings)("$formula $width x $height at $side_px px is cut into tiles of $tile_px px", (vector) => {
    const sized = draw(vector).at(vector.side_px);
    const cut = [...tiles(sized, vector.tile_px, vector.overlap_px)];
    expect(cut.map(({ x_px, y_px, rgb }) => ({ x: x_px, y: y_px, sha256: sha256(rgb) }))).toEqual(vector.tiles);
  });

  test("a picture that lacks rows is not counted as if it were whole", () => {
    const sizes = new Sizes({ width: 2, height: 2 });
    sizes.push(new Uint8ClampedArray(8));
    expect(() => sizes.at(2)).toThrow("1 of 2 rows");
  });
});
