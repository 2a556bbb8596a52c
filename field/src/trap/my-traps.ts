/** The state of each trap: a fold over its facts, the way the server folds them. */

import { settled } from "../advice/reading";
import { type Delivery, database } from "../store/database";
import { factsWithDeliveries } from "../store/outbox";
import { setting } from "../store/settings";
import type { CalendarDate, Counts, Fact, Gate, InspectionBody, Instant, Interval, TrapBody } from "../sync/protocol";
import { calendarDate, daysBetween, isUncounted, nightsSince } from "./trap";

/** One count of the trap's own pest, with the last word on its number. */
export interface Count {
  seq: number;
  taken_at: Instant;
  /** When it was said; days after `taken_at` for a forgotten count. */
  written_at: Instant;
  count: number;
  nights: number | null;
  emptied: boolean;
  gate: Gate | null;
  lure_age_days: number | null;
  /** How sure the model was of its number; null once a person has counted. */
  interval: Interval | null;
  /** Whose number it is: an officer's recount goes before the farmer's, and that before the model's. */
  by: "model" | "farmer" | "officer";
  delivery: Delivery["status"];
}

export interface MyTrap extends TrapBody {
  /** Oldest first; counts of another pest, from before the trap was changed, are left out. */
  counts: Count[];
  /** What people found on the plants, oldest first. */
  inspections: InspectionBody[];
  /** Every time that it was emptied, and every day on which it got a new lure, as far as this phone knows. */
  emptyings: Instant[];
  lures: CalendarDate[];
  /** Key of the state that it stands in, such as IN-MH: by its district, else by where the phone is enrolled. */
  state: string | null;
}

const later = <T extends string>(a: T | null, b: T | null): T | null => (a !== null && (b === null || a > b) ? a : b);

/** All traps of this phone, the one that was counted or changed last first. */
export async function myTraps(): Promise<MyTrap[]> {
  const [stored, recounts, enrolment] = await Promise.all([
    factsWithDeliveries(),
    database().then((db) => db.getAll("recounts")),
    setting("enrolment"),
  ]);
  return foldTraps(
    stored,
    new Map(recounts.map(({ observation, counts }) => [observation, counts])),
    enrolment?.region,
  );
}

export async function myTrap(id: string): Promise<MyTrap | undefined> {
  return (await myTraps()).find((trap) => trap.trap === id);
}

/** An observation, with the numbers that stand for all its species. */
interface Seen {
  count: Omit<Count, "count" | "interval">;
  counts: Counts;
  intervals: Record<string, Interval>;
}

interface Folding {
  body: TrapBody;
  seen: Map<number, Seen>;
  inspections: InspectionBody[];
  emptyings: Instant[];
  lures: CalendarDate[];
  lastSeq: number;
}

export function foldTraps(
  stored: { fact: Fact; delivery: Delivery }[],
  recounts: Map<number, Counts>,
  region: string | undefined,
): MyTrap[] {
  const traps = new Map<string, Folding>();
  const observed = new Map<number, Seen>();
  for (const { fact, delivery } of stored) {
    if (fact.kind === "correction") {
      recount(observed.get(fact.body.observation), fact.body.counts, "farmer");
      continue;
    }
    let folding = traps.get(fact.body.trap);
    if (fact.kind === "trap") {
      folding ??= { body: fact.body, seen: new Map(), inspections: [], emptyings: [], lures: [], lastSeq: 0 };
      folding.body = { ...fact.body };
      if (fact.body.emptied_at) folding.emptyings.push(fact.body.emptied_at);
      if (fact.body.lure_changed_on) folding.lures.push(fact.body.lure_changed_on);
      traps.set(fact.body.trap, folding);
    }
    if (!folding) continue;
    const { body } = folding;
    if (fact.kind === "service") {
      const { serviced_at, emptied, lure_changed } = fact.body;
      const day = calendarDate(new Date(serviced_at));
      if (emptied) {
        body.emptied_at = later(body.emptied_at, serviced_at);
        folding.emptyings.push(serviced_at);
      }
      if (lure_changed) {
        body.lure_changed_on = later(body.lure_changed_on, day);
        folding.lures.push(day);
      }
      continue;
    }
    if (fact.kind === "inspection") {
      folding.inspections.push(fact.body);
      continue;
    }
    folding.lastSeq = fact.seq;
    if (fact.kind === "observation") {
      const { taken_at, nights, gate, lure_age_days, source, counts, intervals = {}, emptied } = fact.body;
      if (emptied) {
        body.emptied_at = later(body.emptied_at, taken_at);
        folding.emptyings.push(taken_at);
      }
      const by = source === "hand" ? "farmer" : "model";
      const told = { taken_at, nights, emptied, gate, lure_age_days } as const;
      const count = { seq: fact.seq, written_at: fact.at, ...told, by, delivery: delivery.status } as const;
      const seen = { count: { ...count }, counts, intervals };
      folding.seen.set(fact.seq, seen);
      observed.set(fact.seq, seen);
    }
  }
  for (const [observation, counts] of recounts) recount(observed.get(observation), counts, "officer");
  return [...traps.values()].sort((a, b) => b.lastSeq - a.lastSeq).map((folding) => asTrap(folding, region));
}

function asTrap({ body, seen, inspections, emptyings, lures }: Folding, region: string | undefined): MyTrap {
  const told = [...seen.values()].flatMap(({ count, counts, intervals }) => {
    // A rejected photo stays, so that the count before it does not go on standing for today.
    const number = counts[body.pest] ?? (isUncounted(count) ? 0 : undefined);
    return number === undefined ? [] : [{ ...count, count: number, interval: intervals[body.pest] ?? null }];
  });
  const counts = settled(told);
  // A district's id begins with its state's: IN-MH-500.
  const state = (body.district ?? region)?.match(/^[A-Z]{2}-[A-Z]{2}/)?.[0] ?? null;
  return {
    ...body,
    counts,
    inspections: inOrder(inspections),
    emptyings: emptyings.sort(),
    lures: lures.sort(),
    state,
  };
}

function inOrder(inspections: InspectionBody[]): InspectionBody[] {
  return inspections.sort((a, b) => a.inspected_at.localeCompare(b.inspected_at));
}

/** What is said of the trap, without what follows from it. */
export function descriptionOf(trap: MyTrap): TrapBody {
  const { counts: _counts, inspections: _inspections, emptyings: _emptyings, lures: _lures, state: _, ...body } = trap;
  return body;
}

/** Nights until a day: since the trap was emptied on any day before it; null when nobody knows. */
export function nightsUntil(trap: MyTrap, at: Date): number | null {
  const day = calendarDate(at);
  if (day === calendarDate(new Date())) return nightsSince(trap.emptied_at, at);
  const before = trap.emptyings.filter((emptied) => calendarDate(new Date(emptied)) < day).at(-1);
  return nightsSince(before ?? null, at);
}

/** Days since the lure that hung on a day was put in; null when nobody knows. */
export function lureAgeOn({ lure_changed_on, lures }: MyTrap, at: Date): number | null {
  const day = calendarDate(at);
  const isPast = lure_changed_on !== null && lure_changed_on > day;
  const lure = isPast ? lures.filter((one) => one <= day).at(-1) : lure_changed_on;
  return lure ? daysBetween(lure, day) : null;
}

/** A person's number takes the place of the model's, and of the doubts about that: the photo gate's, and the interval. */
function recount(seen: Seen | undefined, counts: Counts, by: "farmer" | "officer"): void {
  if (seen) Object.assign(seen, { counts, intervals: {}, count: { ...seen.count, by, gate: null } });
}
