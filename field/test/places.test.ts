import { expect, test } from "vitest";
import { coarsened, nearest } from "../src/trap/places";

test("a position is cut to a tenth of a degree before anything else sees it", () => {
  expect(coarsened({ longitude: 79.088_154, latitude: 21.145_8 })).toEqual([791, 211]);
});

test("the nearest districts come first, and degrees of longitude count less in the north", () => {
  const points = { east: [755, 310] as const, north: [750, 314.5] as const, far: [900, 100] as const };
  expect(nearest(points, [750, 310], 2)).toEqual(["east", "north"]);
});
