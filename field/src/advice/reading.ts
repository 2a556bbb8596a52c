/** A count of one trap as the rules see it, whoever counted. Twin of pestwatch/domain/observation.py. */

import rules from "../../generated/rules.json" with { type: "json" };
import type { Interval } from "../sync/protocol";

/** One count of one trap; `nights` null when the exposure is unknown. */
export interface Reading {
  taken_at: string;
  count: number;
  nights: number | null;
  gate: "good" | "doubtful" | "rejected" | null;
  lure_age_days: number | null;
  /** Least and greatest count that go with what a model counted; null when a person counted, or nobody knows. */
  interval: Interval | null;
  emptied?: boolean;
}

export const DAY_MS = 86_400_000;
const { least_nights } = rules.constants;

/** Catch per trap-night, or null when it may not be used. */
export function rateOf({ gate, nights, count }: Reading): number | null {
  return gate === "rejected" || nights === null || nights < least_nights ? null : count / nights;
}

/**
 * Readings in the order of time, with the nights that the trap can really have caught: if a forgotten count was written
 * down later and the trap was emptied then, the next one's nights begin there.
 */
export function settled<R extends Pick<Reading, "taken_at" | "nights" | "emptied">>(readings: readonly R[]): R[] {
  let emptiedAt: number | null = null;
  return [...readings]
    .sort((a, b) => Date.parse(a.taken_at) - Date.parse(b.taken_at))
    .map((one) => {
      const takenAt = Date.parse(one.taken_at);
      let { nights } = one;
      if (emptiedAt !== null && nights !== null) {
        const possible = (takenAt - emptiedAt) / DAY_MS;
        if (possible >= least_nights && nights - possible >= 1) nights = Math.floor(possible + 0.5);
      }
      if (one.emptied) emptiedAt = takenAt;
      return { ...one, nights };
    });
}
