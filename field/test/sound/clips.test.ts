import { expect, test } from "vitest";
import { runsOf } from "../../src/sound/clips";

const clip = (at: number, bytes: number) => ({ key: `k${at}`, name: `n${at}`, at, bytes });

test("neighbours come in one request, whatever order they are wanted in", () => {
  const runs = runsOf([clip(500, 100), clip(0, 100), clip(100, 50)]);
  expect(runs.map((run) => run.map(({ at }) => at))).toEqual([[0, 100], [500]]);
});

test("no request is so large that a cut connection hurts", () => {
  const runs = runsOf(Array.from({ length: 10 }, (_, i) => clip(i * 10_000, 10_000)));
  expect(runs.map((run) => run.length)).toEqual([3, 3, 3, 1]);
});

test("nothing wanted is no request", () => {
  expect(runsOf([])).toEqual([]);
});
