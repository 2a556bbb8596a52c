import { expect, test } from "vitest";
import { MOST_ZOOM, moved, photoPlace, WHOLE, zoomed } from "../../src/photo/zoom";

test("what lies under the fingers stays there while they move apart", () => {
  const at = { x: 0.3, y: 0.8 };
  const near = zoomed(zoomed(WHOLE, 1.5, at), 2, at);
  expect(near.zoom).toBeCloseTo(3);
  expect(photoPlace(near, at).x).toBeCloseTo(0.3);
  expect(photoPlace(near, at).y).toBeCloseTo(0.8);
});

test("a finger takes the photo along, as far as the photo goes", () => {
  const near = zoomed(WHOLE, 4, { x: 0.5, y: 0.5 });
  const dragged = moved(near, { x: 0.5, y: 0.5 }, { x: 0.7, y: 0.5 });
  expect(photoPlace(dragged, { x: 0.7, y: 0.5 }).x).toBeCloseTo(photoPlace(near, { x: 0.5, y: 0.5 }).x);
  const corner = moved(near, { x: 0, y: 0 }, { x: 9, y: 9 });
  expect(photoPlace(corner, { x: 0, y: 0 })).toEqual({ x: 0, y: 0 });
  const other = moved(near, { x: 9, y: 9 }, { x: 0, y: 0 });
  expect(photoPlace(other, { x: 1, y: 1 })).toEqual({ x: 1, y: 1 });
});

test("it is never farther than the whole photo, nor nearer than there is to see", () => {
  expect(zoomed(zoomed(WHOLE, 3, { x: 0.1, y: 0.9 }), 0.01, { x: 0.9, y: 0.1 })).toEqual(WHOLE);
  expect(zoomed(WHOLE, 1000, { x: 0.5, y: 0.5 }).zoom).toBe(MOST_ZOOM);
  expect(moved(WHOLE, { x: 0, y: 0 }, { x: 1, y: 1 })).toEqual(WHOLE);
});
