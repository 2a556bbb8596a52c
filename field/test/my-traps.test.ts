import { describe, expect, test } from "vitest";
import { linePoints } from "../src/screens/season-line";
import type { Counts, NewFact } from "../src/sync/protocol";
import { adviceFor } from "../src/trap/advice";
import { foldTraps, type MyTrap } from "../src/trap/my-traps";
import { pestsOf } from "../src/trap/pests";
import { daysBetween, isUncounted, nightsSince } from "../src/trap/trap";
import { observation, stored, trap } from "./facts";

function only(facts: NewFact[], recounts: [number, Counts][] = []): MyTrap {
  const [first, ...others] = foldTraps(stored(...facts), new Map(recounts), undefined);
  expect(others).toEqual([]);
  return first as MyTrap;
}

const correction = (of: number, counts: Counts): NewFact => ({
  kind: "correction",
  at: "2026-11-23T04:00:00Z",
  body: { observation: of, counts, marks: null },
});

describe("a trap", () => {
  test("is as it was last described", () => {
    const { name, counts } = only([trap(), observation({ HELIAR: 3 }), trap({ name: "By the well" })]);
    expect(name).toBe("By the well");
    expect(counts).toHaveLength(1);
  });

  test("counts what people say rather than what the model said, and the officer last", () => {
    const facts = [trap(), observation({ HELIAR: 3 }), correction(2, { HELIAR: 5 })];
    expect(only(facts).counts[0]).toMatchObject({ count: 5, by: "farmer" });
    expect(only(facts, [[2, { HELIAR: 6 }]]).counts[0]).toMatchObject({ count: 6, by: "officer" });
  });

  test("counts its own pest only", () => {
    expect(only([trap(), observation({ GNORAB: 7, HELIAR: 2 })]).counts[0]?.count).toBe(2);
  });

  test("leaves out what it counted when it was hung for another pest", () => {
    const facts = [trap({ pest: "GNORAB" }), observation({ GNORAB: 7 }), trap({ pest: "PECTGO" })];
    expect(only(facts).counts).toEqual([]);
  });

  test("stands in the state of its district, else in the one where the phone is enrolled", () => {
    expect(only([trap({ district: "IN-GJ-480" })]).state).toBe("IN-GJ");
    expect(foldTraps(stored(trap({ district: null })), new Map(), "IN-MH-500")[0]?.state).toBe("IN-MH");
  });

  test("keeps a photo of which nothing was counted, so that the count before it does not stand for today", () => {
    const rejected = { gate: { verdict: "rejected", reason: "too_dark" } } as const;
    const facts = [trap(), observation({ HELIAR: 1 }, { taken_at: "2026-11-22T03:00:00Z" }), observation({}, rejected)];
    const told = only(facts);
    expect(told.counts.map(isUncounted)).toEqual([false, true]);
    expect(adviceFor(told, new Date("2026-11-23T09:00:00Z"))).toMatchObject({ level: "no-data", catch_rate: null });
    expect(linePoints(told.counts, null).points).toHaveLength(1);
    expect(only([...facts, correction(3, { HELIAR: 4 })]).counts.map(isUncounted)).toEqual([false, false]);
  });

  test("forgets the doubt of a photo that a person has recounted", () => {
    const doubtful = observation({ HELIAR: 3 }, { gate: { verdict: "rejected", reason: "too_dark" } });
    expect(only([trap(), doubtful]).counts[0]?.gate?.verdict).toBe("rejected");
    expect(only([trap(), doubtful, correction(2, { HELIAR: 4 })]).counts[0]?.gate).toBeNull();
  });

  test("was last emptied when it was counted, unless it was not emptied then", () => {
    expect(only([trap(), observation({ HELIAR: 3 })]).emptied_at).toBe("2026-11-23T03:00:00Z");
    expect(only([trap(), observation({ HELIAR: 3 }, { emptied: false })]).emptied_at).toBe("2026-11-20T03:00:00Z");
  });

  test("remembers a new lure and an emptying between counts", () => {
    const service: NewFact = {
      kind: "service",
      at: "2026-11-24T03:00:00Z",
      body: { trap: "t1", serviced_at: "2026-11-24T03:00:00Z", emptied: true, lure_changed: true },
    };
    expect(only([trap(), service])).toMatchObject({
      emptied_at: "2026-11-24T03:00:00Z",
      lure_changed_on: "2026-11-24",
    });
  });

  test("shows its counts by the day they were made, whenever they were written down", () => {
    const late = observation({ HELIAR: 1 }, { taken_at: "2026-11-21T03:00:00Z" });
    expect(only([trap(), observation({ HELIAR: 3 }), late]).counts.map(({ count }) => count)).toEqual([1, 3]);
  });
});

describe("nights", () => {
  test("are calendar nights, and unknown on the day of emptying", () => {
    const evening = new Date(2026, 10, 20, 19, 0).toISOString();
    expect(nightsSince(evening, new Date(2026, 10, 21, 6, 0))).toBe(1);
    expect(nightsSince(evening, new Date(2026, 10, 20, 23, 0))).toBeNull();
    expect(nightsSince(null, new Date(2026, 10, 21))).toBeNull();
    expect(daysBetween("2026-02-27", "2026-03-01")).toBe(2);
  });
});

describe("advice on the phone", () => {
  const now = new Date("2026-11-23T06:00:00Z");

  test("sends the farmer into the field when Helicoverpa on cotton reaches its number", () => {
    const advice = adviceFor(only([trap(), observation({ HELIAR: 36 })]), now);
    expect(advice.level).toBe("orange");
    expect(advice.messages.map(({ id }) => id)).toContain("inspect_today");
    expect(advice.catch_rate).toBe(12);
  });

  test("is never calm when the truth may reach the number, until a person has counted", () => {
    const unsure = observation({ HELIAR: 12 }, { intervals: { HELIAR: [4, 30] } });
    const said = (advice: ReturnType<typeof adviceFor>) => [advice.level, ...advice.messages.map(({ id }) => id)];
    expect(said(adviceFor(only([trap(), unsure]), now))).toEqual(["yellow", "maybe_reached"]);
    expect(said(adviceFor(only([trap(), unsure, correction(2, { HELIAR: 12 })]), now))).toEqual(["green", "low"]);
  });

  test("watches the plants where no trap number exists", () => {
    const tomato = trap({ pest: "GNORAB", crop: "tomato", trap_type: "delta" });
    expect(adviceFor(only([tomato, observation({ GNORAB: 90 })]), now).level).toBe("watch");
  });

  test("says nothing from a photo that was too dark, and something once a person has counted", () => {
    const dark = observation({ HELIAR: 0 }, { gate: { verdict: "rejected", reason: "too_dark" } });
    expect(adviceFor(only([trap(), dark]), now).level).toBe("no-data");
    expect(adviceFor(only([trap(), dark, correction(2, { HELIAR: 36 })]), now).level).toBe("orange");
  });
});

test("the pests of a crop have the photo-counted ones first, and an unknown crop has them all", () => {
  expect(pestsOf("cotton")[0]).toBe("HELIAR");
  expect(pestsOf("tomato").slice(0, 2).sort()).toEqual(["GNORAB", "HELIAR"]);
  expect(pestsOf("other").length).toBeGreaterThan(pestsOf("cotton").length);
});

test("the season's line leaves out counts of unknown exposure, and never leaves its frame", () => {
  const counts = only([
    trap(),
    observation({ HELIAR: 30 }, { taken_at: "2026-11-20T03:00:00Z" }),
    observation({ HELIAR: 5000 }, { taken_at: "2026-11-22T03:00:00Z", nights: null, emptied: false }),
    observation({ HELIAR: 60 }, { taken_at: "2026-11-23T03:00:00Z" }),
  ]).counts;
  const { points } = linePoints(counts, 10);
  expect(points.map(({ rate }) => rate)).toEqual([10, 20]);
  for (const { x, y } of points) {
    expect(x).toBeGreaterThanOrEqual(0);
    expect(x).toBeLessThanOrEqual(320);
    expect(y).toBeGreaterThanOrEqual(0);
    expect(y).toBeLessThanOrEqual(170);
  }
});
