/** Facts for tests, with everything set that a test does not care about. */

import type { Delivery } from "../src/store/database";
import type { Counts, Fact, NewFact, ObservationBody, TrapBody } from "../src/sync/protocol";

export function trap(body: Partial<TrapBody> = {}): Extract<NewFact, { kind: "trap" }> {
  return {
    kind: "trap",
    at: "2026-11-20T03:00:00Z",
    body: {
      trap: "t1",
      name: "Trap 1",
      pest: "HELIAR",
      crop: "cotton",
      trap_type: "funnel",
      district: "IN-MH-500",
      subdistrict: null,
      village: null,
      lure_changed_on: "2026-11-18",
      emptied_at: "2026-11-20T03:00:00Z",
      sown_on: null,
      ...body,
    },
  };
}

export function observation(
  counts: Counts,
  body: Partial<ObservationBody> = {},
): Extract<NewFact, { kind: "observation" }> {
  return {
    kind: "observation",
    at: "2026-11-23T03:00:00Z",
    body: {
      trap: "t1",
      taken_at: "2026-11-23T03:00:00Z",
      source: "photo",
      counts,
      nights: 3,
      emptied: true,
      lure_age_days: 5,
      model: "base-20261125-1",
      gate: { verdict: "good", reason: null },
      photo: null,
      photo_consent: false,
      decoded_scale: 1,
      ...body,
    },
  };
}

/** Facts as the outbox gives them, numbered in this order. */
export function stored(...facts: NewFact[]): { fact: Fact; delivery: Delivery }[] {
  return facts.map((fact, index) => ({
    fact: { ...fact, seq: index + 1 },
    delivery: { seq: index + 1, status: "waiting", problem: null, answered_at: null },
  }));
}
