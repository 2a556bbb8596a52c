/** The state of each trap: a fold over its facts, the way the server folds them. */

import { type Delivery, database } from "../store/database";
import { factsWithDeliveries } from "../store/outbox";
import type { CalendarDate, Fact, Gate, Instant, TrapBody } from "../sync/protocol";
import { calendarDate } from "./trap";

/** One count of the trap's own pest, with the last word on its number. */
export interface Count {
  seq: number;
  taken_at: Instant;
  count: number;
  nights: number | null;
  gate: Gate | null;
  lure_age_days: number | null;
  /** Whose number it is: an officer's recount goes before the farmer's, and that before the model's. */
  by: "model" | "farmer" | "officer";
  delivery: Delivery["status"];
}

export interface MyTrap extends TrapBody {
  /** Oldest first. */
  counts: Count[];
}

const later = <T extends string>(a: T | null, b: T | null): T | null => (a !== null && (b === null || a > b) ? a : b);

/** All traps of this phone, the one that was counted or changed last first. */
export async function myTraps(): Promise<MyTrap[]> {
  const [stored, recounts] = await Promise.all([factsWithDeliveries(), database().then((db) => db.getAll("recounts"))]);
  return foldTraps(stored, new Map(recounts.map((recount) => [recount.observation, recount.counts])));
}

export async function myTrap(id: string): Promise<MyTrap | undefined> {
  return (await myTraps()).find((trap) => trap.trap === id);
}

export function foldTraps(
  stored: { fact: Fact; delivery: Delivery }[],
  recounts: Map<number, Record<string, number>>,
): MyTrap[] {
  const traps = new Map<string, MyTrap>();
  const counts = new Map<number, { trap: MyTrap; count: Count }>();
  const touched = new Map<string, number>();
  for (const { fact, delivery } of stored) {
    if (fact.kind === "trap") {
      const before = traps.get(fact.body.trap);
      traps.set(fact.body.trap, Object.assign(before ?? { counts: [] }, fact.body));
      touched.set(fact.body.trap, fact.seq);
    } else if (fact.kind === "service") {
      const trap = traps.get(fact.body.trap);
      if (!trap) continue;
      if (fact.body.emptied) trap.emptied_at = later(trap.emptied_at, fact.body.serviced_at);
      if (fact.body.lure_changed) {
        trap.lure_changed_on = later<CalendarDate>(trap.lure_changed_on, calendarDate(new Date(fact.body.serviced_at)));
      }
    } else if (fact.kind === "observation") {
      const trap = traps.get(fact.body.trap);
      if (!trap) continue;
      const { taken_at, nights, gate, lure_age_days, source } = fact.body;
      if (fact.body.emptied) trap.emptied_at = later(trap.emptied_at, taken_at);
      const count: Count = {
        seq: fact.seq,
        taken_at,
        count: fact.body.counts[trap.pest] ?? 0,
        nights,
        gate,
        lure_age_days,
        by: source === "hand" ? "farmer" : "model",
        delivery: delivery.status,
      };
      trap.counts.push(count);
      counts.set(fact.seq, { trap, count });
      touched.set(fact.body.trap, fact.seq);
    } else {
      recount(counts.get(fact.body.observation), fact.body.counts, "farmer");
    }
  }
  for (const [observation, numbers] of recounts) recount(counts.get(observation), numbers, "officer");
  for (const trap of traps.values()) trap.counts.sort((a, b) => a.taken_at.localeCompare(b.taken_at));
  return [...traps.values()].sort((a, b) => (touched.get(b.trap) ?? 0) - (touched.get(a.trap) ?? 0));
}

/** A person's number takes the place of the model's, and of the photo gate's doubt with it. */
function recount(
  found: { trap: MyTrap; count: Count } | undefined,
  numbers: Record<string, number>,
  by: "farmer" | "officer",
): void {
  const number = found && numbers[found.trap.pest];
  if (!found || number === undefined) return;
  Object.assign(found.count, { count: number, by, gate: null });
}
