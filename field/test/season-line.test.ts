import { expect, test } from "vitest";
import { isLate, linePoints } from "../src/screens/season-line";
import type { NewFact } from "../src/sync/protocol";
import { foldTraps, type MyTrap } from "../src/trap/my-traps";
import { observation, stored, trap } from "./facts";

const counts = (...facts: NewFact[]) => (foldTraps(stored(trap(), ...facts), new Map(), undefined)[0] as MyTrap).counts;
const on = (day: number, count: number, body = {}) =>
  observation({ HELIAR: count }, { taken_at: `2026-11-${String(day).padStart(2, "0")}T03:00:00Z`, nights: 2, ...body });

test("a whisker spans what the model's count may be, inside the frame, and a person's count has none", () => {
  const [sure, unsure] = linePoints(counts(on(10, 4), on(12, 4, { intervals: { HELIAR: [1, 40] } })), 10).points;
  expect(sure?.whisker).toBeNull();
  const [upper, lower] = unsure?.whisker ?? [0, 0];
  expect(upper).toBeGreaterThanOrEqual(0);
  expect(upper).toBeLessThan(unsure?.y ?? 0);
  expect(lower).toBeGreaterThan(unsure?.y ?? 0);
});

test("the line breaks where nobody counted, but not over nights that one count covers", () => {
  const gaps = (...facts: NewFact[]) => linePoints(counts(...facts), null).points.map(({ isAfterGap }) => isAfterGap);
  expect(gaps(on(1, 4), on(5, 4), on(25, 4))).toEqual([false, false, true]);
  expect(gaps(on(1, 4), on(25, 4, { nights: 24 }))).toEqual([false, false]);
});

test.each([
  ["rejected", 0, 1],
  ["doubtful", 0, 1],
  ["doubtful", 3, 2],
] as const)(
  "a %s photo with %i insects: %i points with the one before it, as an unsure zero is none",
  (verdict, n, points) => {
    const last = on(12, n, { gate: { verdict, reason: "too_dark" } });
    expect(linePoints(counts(on(10, 4), last), 10).points).toHaveLength(points);
  },
);

test("a count that was written down on a later day is late", () => {
  expect(counts(on(23, 4), on(20, 4)).map(isLate)).toEqual([true, false]);
});
