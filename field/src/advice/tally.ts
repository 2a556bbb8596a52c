/** A look at the plants in fixed numbers, and what it says. Twin of pestwatch/domain/tally.py. */

import rules from "../../generated/rules.json" with { type: "json" };

/** What a person found on the plants beside a trap. */
export interface Inspection {
  inspected_at: string;
  /** The plant threshold whose method was used; null when there is none. */
  rule: string | null;
  part: string;
  looked: number;
  /** How many of them were damaged; where the rule counts insects on each, how many insects or eggs in all. */
  found: number;
}

/** How to look: at `sample` of a `part`, of which `serious` found reach the threshold; null where nobody gives a number. */
export interface Tally {
  rule: string | null;
  part: string;
  sample: number;
  serious: number | null;
  each: boolean;
  source: string;
}

interface PlantRule {
  id: string;
  species: string;
  crops: string[];
  kind: string;
  states: string[];
  source: string;
  part?: string;
  sample?: number;
  serious?: number;
  each?: boolean;
}

const PLANT_RULES = (rules.thresholds as PlantRule[]).filter(({ kind }) => kind === "plant");
export const USUAL_SAMPLE = rules.constants.usual_sample;

const asTally = ({ id, part = "", sample = 0, serious = 0, each = false, source }: PlantRule): Tally => ({
  rule: id,
  part,
  sample,
  serious,
  each,
  source,
});

export function speciesOfRule(rule: string | null): string | null {
  return PLANT_RULES.find(({ id }) => id === rule)?.species ?? null;
}

export function tallyOf(rule: string | null): Tally | null {
  const found = PLANT_RULES.find(({ id }) => id === rule);
  return found ? asTally(found) : null;
}

/** Ways to look at the plants, one for each part: the state's own rule before India's, and a plain look where there is none. */
export function talliesFor(pest: string, crop: string, state: string | null): Tally[] {
  const fitting = PLANT_RULES.filter(
    (row) =>
      row.species === pest &&
      (row.crops.length === 0 || row.crops.includes(crop)) &&
      (row.states.length === 0 || (state !== null && row.states.includes(state))),
  ).sort((a, b) => Number(a.states.length === 0) - Number(b.states.length === 0));
  const tallies = fitting
    .filter((row, index) => fitting.findIndex(({ part }) => part === row.part) === index)
    .map(asTally);
  const plain = { rule: null, part: "plant", sample: USUAL_SAMPLE, serious: null, each: false, source: "" };
  return tallies.length > 0 ? tallies : [plain];
}

export type Outcome = "serious" | "sound" | "seen" | "unfinished";

/** `seen`: looked at to the end, but nobody gives a number to hold it against. */
export function outcomeOf({ rule, looked, found }: Inspection): Outcome {
  const tally = tallyOf(rule);
  if (!tally || tally.serious === null) return looked >= USUAL_SAMPLE ? "seen" : "unfinished";
  if (found * tally.sample >= tally.serious * Math.max(looked, tally.sample)) return "serious";
  return looked >= tally.sample ? "sound" : "unfinished";
}

/** The last finished look at each part of the plants, oldest first. */
export function newestFinished(inspections: readonly Inspection[]): Inspection[] {
  const newest = new Map<string, Inspection>();
  for (const one of byTime(inspections)) if (outcomeOf(one) !== "unfinished") newest.set(one.part, one);
  return byTime([...newest.values()]);
}

function byTime(inspections: readonly Inspection[]): Inspection[] {
  return [...inspections].sort((a, b) => Date.parse(a.inspected_at) - Date.parse(b.inspected_at));
}
