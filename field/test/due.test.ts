import { describe, expect, test } from "vitest";
import type { NewFact } from "../src/sync/protocol";
import { calendarFile } from "../src/trap/calendar-file";
import { byUrgency, dueAt } from "../src/trap/due";
import { foldTraps, lureAgeOn, type MyTrap, nightsUntil } from "../src/trap/my-traps";
import { observation, stored, trap } from "./facts";

const NOW = new Date("2026-11-25T06:00:00Z");
const fold = (...facts: NewFact[]): MyTrap[] => foldTraps(stored(...facts), new Map(), "IN-MH-500");
const only = (...facts: NewFact[]): MyTrap => fold(...facts)[0] as MyTrap;
const dues = (one: MyTrap) => Object.fromEntries(dueAt(one, NOW).map(({ what, on }) => [what, on]));

describe("what is due", () => {
  test("is the first count once a night has passed, and never late before anybody counted", () => {
    expect(dues(only(trap({ emptied_at: "2026-11-25T03:00:00Z" }))).count).toBe("2026-11-26");
    expect(dues(only(trap({ emptied_at: "2026-11-01T03:00:00Z" }))).count).toBe("2026-11-25");
  });

  test.each([
    ["a calm catch in four days", 3, "2026-11-27"],
    ["a catch near the number in two", 20, "2026-11-25"],
    ["a catch that reached it tomorrow", 40, "2026-11-24"],
  ])("is %s", (_, count, day) => {
    expect(dues(only(trap(), observation({ HELIAR: count }))).count).toBe(day);
  });

  test("is a count at once where the last one says nothing", () => {
    const rejected = observation({ HELIAR: 3 }, { gate: { verdict: "rejected", reason: "too_dark" } });
    expect(dues(only(trap(), rejected)).count).toBe("2026-11-23");
  });

  test("is a new lure when its life ends, at once when nobody knows its age, never for a sticky card", () => {
    expect(dues(only(trap({ lure_changed_on: "2026-11-18" }))).lure).toBe("2026-12-02");
    expect(dues(only(trap({ lure_changed_on: null }))).lure).toBe("2026-11-25");
    expect(dues(only(trap({ pest: "BEMITA", trap_type: "sticky" }))).lure).toBeUndefined();
    const packet = trap({ pest: "GNORAB", crop: "tomato", lure_changed_on: "2026-11-18", lure_life_days: 60 });
    expect(dues(only(packet)).lure).toBe("2027-01-17");
  });

  test("puts high catches first, then what is late the longest", () => {
    const facts = ["t1", "t2", "t3"].map((name) => trap({ trap: name }));
    const counts = [
      observation({ HELIAR: 1 }, { trap: "t1", taken_at: "2026-11-20T03:00:00Z" }),
      observation({ HELIAR: 1 }, { trap: "t2", taken_at: "2026-11-15T03:00:00Z" }),
      observation({ HELIAR: 60 }, { trap: "t3", taken_at: "2026-11-25T03:00:00Z" }),
    ];
    expect(byUrgency(fold(...facts, ...counts), NOW).map(({ trap }) => trap.trap)).toEqual(["t3", "t2", "t1"]);
  });
});

describe("the calendar file", () => {
  const file = (name: string): string => {
    const one = only(trap({ name }), observation({ HELIAR: 3 }));
    return calendarFile(one, dueAt(one, NOW), NOW);
  };

  test("repeats the count and names the day of the new lure", () => {
    const lines = file("By the well").split("\r\n");
    expect(lines).toContain("DTSTART;VALUE=DATE:20261127");
    expect(lines).toContain("RRULE:FREQ=DAILY;INTERVAL=4;COUNT=40");
    expect(lines).toContain("DTSTART;VALUE=DATE:20261202");
    expect(lines.filter((line) => line === "BEGIN:VALARM")).toHaveLength(2);
  });

  test("holds every name in lines of at most 75 bytes, without cutting a letter or ending a field", () => {
    const name = "कुएँ के पास; उत्तर, वाला ट्रैप जो बहुत दूर खेत में टँगा है";
    for (const line of file(name).split("\r\n")) expect(new TextEncoder().encode(line).length).toBeLessThanOrEqual(75);
    const whole = file(name).replaceAll("\r\n ", "");
    expect(whole).toContain("SUMMARY:कुएँ के पास\\; उत्तर\\, वाला ट्रैप जो बहुत दूर खेत में टँगा है: Count");
  });
});

describe("a forgotten day", () => {
  const counted = [
    trap({ emptied_at: "2026-11-10T03:00:00Z", lure_changed_on: "2026-11-01" }),
    observation({ HELIAR: 3 }, { taken_at: "2026-11-14T06:00:00Z" }),
    observation({ HELIAR: 3 }, { taken_at: "2026-11-22T06:00:00Z" }),
  ];

  test("has its nights since the emptying before it, and its lure as it was then", () => {
    const one = only(...counted, {
      kind: "service",
      at: "2026-11-20T06:00:00Z",
      body: { trap: "t1", serviced_at: "2026-11-20T06:00:00Z", emptied: false, lure_changed: true },
    });
    const day = new Date(2026, 10, 18, 12);
    expect(nightsUntil(one, day)).toBe(4);
    expect(lureAgeOn(one, day)).toBe(17);
    expect(lureAgeOn(one, NOW)).toBe(5);
    expect(nightsUntil(one, new Date(2026, 10, 9, 12))).toBeNull();
    expect(lureAgeOn(one, new Date(2026, 9, 30, 12))).toBeNull();
  });

  test("shortens the nights of the next count, and changes when it was last emptied only if it is the newest", () => {
    const late = observation({ HELIAR: 9 }, { taken_at: "2026-11-18T06:00:00Z", nights: 4, source: "hand" });
    const last = observation({ HELIAR: 24 }, { taken_at: "2026-11-22T06:00:00Z", nights: 8 });
    const one = only(counted[0] as NewFact, counted[1] as NewFact, last, late);
    expect(one.counts.map(({ nights }) => nights)).toEqual([3, 4, 4]);
    expect(one.emptied_at).toBe("2026-11-22T06:00:00Z");
  });
});
