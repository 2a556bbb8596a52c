/** The state of each trap: a fold over its facts, the way the server folds them. */

import { type Delivery, database } from "../store/database";
import { factsWithDeliveries } from "../store/outbox";
import { setting } from "../store/settings";
import type { Counts, Fact, Gate, Instant, Interval, TrapBody } from "../sync/protocol";
import { calendarDate, isUncounted } from "./trap";

/** One count of the trap's own pest, with the last word on its number. */
export interface Count {
  seq: number;
  taken_at: Instant;
  count: number;
  nights: number | null;
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
      folding ??= { body: fact.body, seen: new Map(), lastSeq: 0 };
      folding.body = { ...fact.body };
      traps.set(fact.body.trap, folding);
    }
    if (!folding) continue;
    const { body } = folding;
    if (fact.kind === "service") {
      const { serviced_at, emptied, lure_changed } = fact.body;
      if (emptied) body.emptied_at = later(body.emptied_at, serviced_at);
      if (lure_changed) body.lure_changed_on = later(body.lure_changed_on, calendarDate(new Date(serviced_at)));
      continue;
    }
    folding.lastSeq = fact.seq;
    if (fact.kind === "observation") {
      const { taken_at, nights, gate, lure_age_days, source, counts, intervals = {}, emptied } = fact.body;
      if (emptied) body.emptied_at = later(body.emptied_at, taken_at);
      const by = source === "hand" ? "farmer" : "model";
      const count = { seq: fact.seq, taken_at, nights, gate, lure_age_days, by, delivery: delivery.status } as const;
      const seen = { count: { ...count }, counts, intervals };
      folding.seen.set(fact.seq, seen);
      observed.set(fact.seq, seen);
    }
  }
  for (const [observation, counts] of recounts) recount(observed.get(observation), counts, "officer");
  return [...traps.values()].sort((a, b) => b.lastSeq - a.lastSeq).map((folding) => asTrap(folding, region));
}

function asTrap({ body, seen }: Folding, region: string | undefined): MyTrap {
  const counts = [...seen.values()].flatMap(({ count, counts, intervals }) => {
    // A rejected photo stays, so that the count before it does not go on standing for today.
    const number = counts[body.pest] ?? (isUncounted(count) ? 0 : undefined);
    return number === undefined ? [] : [{ ...count, count: number, interval: intervals[body.pest] ?? null }];
  });
  counts.sort((a, b) => a.taken_at.localeCompare(b.taken_at));
  // A district's id begins with its state's: IN-MH-500.
  const state = (body.district ?? region)?.match(/^[A-Z]{2}-[A-Z]{2}/)?.[0] ?? null;
  return { ...body, counts, state };
}

/** A person's number takes the place of the model's, and of the doubts about that: the photo gate's, and the interval. */
function recount(seen: Seen | undefined, counts: Counts, by: "farmer" | "officer"): void {
  if (seen) Object.assign(seen, { counts, intervals: {}, count: { ...seen.count, by, gate: null } });
}
