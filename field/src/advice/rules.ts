/**
 * Readings of one trap -> Advice: level, reasons and what to look at; offline, in a millisecond.
 *
 * Twin of pestwatch/advisory/rules.py, which explains every step; tests/golden/advice.json holds both together.
 * Thresholds, species and constants come from generated/rules.json, which `pestwatch catalogs compile` writes.
 */

import rules from "../../generated/rules.json" with { type: "json" };
import type { Interval } from "../sync/protocol";

export type Level = "no-data" | "watch" | "green" | "yellow" | "orange" | "red";
export type PlantSample = "confirmed" | "not_confirmed";

/** One count of one trap; `nights` null when the exposure is unknown. */
export interface Reading {
  taken_at: string;
  count: number;
  nights: number | null;
  gate: "good" | "doubtful" | "rejected" | null;
  lure_age_days: number | null;
  /** Least and greatest count that go with what a model counted; null when a person counted, or nobody knows. */
  interval: Interval | null;
}

export interface Said {
  id: string;
  params: Record<string, number>;
}

export interface Advice {
  pest: string;
  crop: string;
  level: Level;
  catch_rate: number | null;
  threshold: { id: string; value_per_night: number | null; source: string } | null;
  messages: Said[];
}

interface Threshold {
  id: string;
  species: string;
  crops: string[];
  kind: string;
  value_min: number;
  nights: number | null;
  consecutive: number;
  states: string[];
  role: string;
  source: string;
}

const THRESHOLDS: readonly Threshold[] = rules.thresholds;
const LOOK: Readonly<Record<string, string>> = rules.look;
const LURE_LIFE_DAYS = new Map(rules.species.map((species) => [species.key, species.lure_life_days]));
const { stale_days, again_days_low, again_days_near, rising_readings, same_share, least_nights, night_slack_days } =
  rules.constants;
const DAY_MS = 86_400_000;

export interface Situation {
  pest: string;
  crop: string;
  /** Oldest first. */
  readings: readonly Reading[];
  now: Date;
  /** Key such as IN-MH; a state's own threshold goes before India's. */
  state: string | null;
  plantSample: PlantSample | null;
}

/** Advises on one trap. */
export function advise(situation: Situation): Advice {
  const { pest, crop, state, plantSample } = situation;
  const threshold = thresholdFor("trap", pest, crop, state);
  const [judged, rate, messages] = judgement(situation, threshold);
  // Plants decide, not the trap: what was found on them is never talked down by a low catch, and never green.
  const isHeard = plantSample === "confirmed" && judged !== "red";
  const level = isHeard && judged === "green" ? "yellow" : judged;
  return {
    pest,
    crop,
    level,
    catch_rate: oneDecimal(rate),
    threshold: threshold && {
      id: threshold.id,
      value_per_night: oneDecimal(perNight(threshold)),
      source: threshold.source,
    },
    messages: isHeard ? [said("sample_confirmed"), ...messages] : messages,
  };
}

function judgement(
  { pest, crop, readings, now, state, plantSample }: Situation,
  threshold: Threshold | null,
): readonly [Level, number | null, Said[]] {
  const last = readings.at(-1);
  if (!last) return ["no-data", null, [said("first_count")]];
  const rate = rateOf(last);
  const isLureDoubtful = lureIsDoubtful(pest, last);
  const missing = whyNoData(last, now, isLureDoubtful);
  if (missing || rate === null) return ["no-data", null, [missing ?? said("empty_first")]];

  const [level, reasons] = threshold
    ? judge(threshold, readings, last, plantSample)
    : (["watch", watch(readings)] as const);
  const messages = [...reasons];
  if (level === "orange" || level === "watch") {
    if (plantSample === null) messages.push(...inspection(pest, crop, state));
    messages.push(said("ask_officer"));
  }
  if (level === "orange") messages.push(said("count_tomorrow"));
  if (level === "watch") messages.push(last.count === 0 ? zero() : said("count_again", { days: again_days_low }));
  if (last.gate === "doubtful") messages.unshift(said("doubtful_photo"));
  if (isLureDoubtful) messages.push(said("change_lure"));
  return [level, rate, messages];
}

/** The rule to use: the state's own before India's, in the order of the table; null when nobody gives a number. */
export function thresholdFor(
  kind: "trap" | "plant",
  pest: string,
  crop: string,
  state: string | null,
): Threshold | null {
  const fitting = THRESHOLDS.filter(
    (row) =>
      row.kind === kind &&
      row.species === pest &&
      (row.crops.length === 0 || row.crops.includes(crop)) &&
      (row.states.length === 0 || (state !== null && row.states.includes(state))),
  );
  return fitting.find((row) => row.states.length > 0) ?? fitting[0] ?? null;
}

/** Catch per trap-night, or null when it may not be used. */
export function rateOf(reading: Reading): number | null {
  if (reading.gate === "rejected" || reading.nights === null || reading.nights < least_nights) return null;
  return reading.count / reading.nights;
}

function said(id: string, params: Record<string, number> = {}): Said {
  return { id, params };
}

const zero = (): Said => said("zero", { days: again_days_low });

function lureIsDoubtful(pest: string, last: Reading): boolean {
  const life = LURE_LIFE_DAYS.get(pest) ?? null;
  return life !== null && (last.lure_age_days === null || last.lure_age_days > life);
}

function whyNoData(last: Reading, now: Date, isLureDoubtful: boolean): Said | null {
  const days = Math.floor((now.getTime() - Date.parse(last.taken_at)) / DAY_MS);
  if (days > stale_days) return said("count_now", { days });
  if (last.gate === "rejected") return said("photo_again");
  return last.count === 0 && isLureDoubtful ? said("change_lure") : null;
}

function judge(
  threshold: Threshold,
  readings: readonly Reading[],
  last: Reading,
  plantSample: PlantSample | null,
): readonly [Level, Said[]] {
  const [least, greatest] = last.interval ?? [last.count, last.count];
  const reaches = (count: number, share = 1): boolean => shareOf(threshold, last, count) >= share;
  if (reaches(last.count)) {
    const reasons = threshold.role === "release_parasitoids" ? [said("parasitoids")] : [];
    if (plantSample === "confirmed") {
      return hasLasted(threshold, readings, last) ? ["red", [said("confirmed"), ...reasons]] : ["orange", reasons];
    }
    if (plantSample === null && !reaches(least)) reasons.unshift(said("maybe_below"));
    return ["orange", [said(plantSample === null ? "inspect_today" : "sample_low"), ...reasons]];
  }
  if (reaches(greatest) && plantSample === null) return ["yellow", [said("maybe_reached")]];
  if (reaches(last.count, 0.5) || reaches(greatest)) return ["yellow", [said("near", { days: again_days_near })]];
  if (isRising(readings)) return ["yellow", [said("rising", { days: again_days_near })]];
  return ["green", [last.count === 0 ? zero() : said("low", { days: again_days_low })]];
}

const perNight = (threshold: Threshold): number | null =>
  threshold.nights === null ? null : threshold.value_min / threshold.nights;

function shareOf(threshold: Threshold, { nights }: Reading, count: number): number {
  const limit = perNight(threshold);
  return limit === null || nights === null ? count / threshold.value_min : count / nights / limit;
}

function hasLasted(threshold: Threshold, readings: readonly Reading[], last: Reading): boolean {
  if (threshold.consecutive === 1) return true;
  const slack = night_slack_days * DAY_MS;
  const end = Date.parse(last.taken_at);
  let start = end;
  for (const reading of [...readings].reverse()) {
    const takenAt = Date.parse(reading.taken_at);
    if (rateOf(reading) === null || shareOf(threshold, reading, reading.count) < 1 || takenAt < start - slack) break;
    start = Math.min(start, takenAt - (reading.nights ?? 0) * DAY_MS);
  }
  return end - start + slack >= threshold.consecutive * DAY_MS;
}

function isRising(readings: readonly Reading[]): boolean {
  const [first, second, third] = readings.slice(-rising_readings).map(rateOf);
  if (first == null || second == null || third == null) return false;
  return first < second && second < third;
}

function watch(readings: readonly Reading[]): Said[] {
  const known = readings.map(rateOf).filter((rate) => rate !== null);
  const after = known.at(-1);
  const before = known.at(-2);
  if (after === undefined || before === undefined) return [said("no_trap_number")];
  const isSame = Math.abs(after - before) <= same_share * Math.max(before, after);
  const trend = isSame ? "trend_same" : after > before ? "trend_up" : "trend_down";
  return [said(trend), said("no_trap_number")];
}

function inspection(pest: string, crop: string, state: string | null): Said[] {
  const look = said(LOOK[`${pest} ${crop}`] ?? "look_plants");
  const rule = thresholdFor("plant", pest, crop, state);
  return rule ? [look, said(`plant_${rule.id}`)] : [look];
}

const oneDecimal = (value: number | null): number | null => (value === null ? null : Math.floor(value * 10 + 0.5) / 10);
