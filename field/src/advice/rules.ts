/**
 * Readings of one trap -> Advice: level, reasons and what to look at; offline, in a millisecond.
 *
 * Twin of pestwatch/advisory/rules.py, which explains every step; tests/golden/advice.json holds both together.
 * Thresholds, species and constants come from generated/rules.json, which `pestwatch catalogs compile` writes.
 */

import rules from "../../generated/rules.json" with { type: "json" };
import { DAY_MS, type Reading, rateOf, settled } from "./reading";
import { type Inspection, newestFinished, outcomeOf, speciesOfRule, tallyOf, USUAL_SAMPLE } from "./tally";

export type Level = "no-data" | "watch" | "green" | "yellow" | "orange" | "red";

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
const SPECIES = new Map(rules.species.map((species) => [species.key, species]));
const {
  stale_days,
  again_days_low,
  again_days_near,
  rising_readings,
  same_share,
  night_slack_days,
  heard_days,
  sound_days,
} = rules.constants;

export interface Situation {
  pest: string;
  crop: string;
  /** In any order: the newest by the time of counting decides. */
  readings: readonly Reading[];
  now: Date;
  /** Key such as IN-MH; a state's own threshold goes before India's. */
  state: string | null;
  inspections: readonly Inspection[];
  /** How long the lure's packet says that it lasts. */
  lureLifeDays: number | null;
}

/** What the plants say now; `verdict` is null as long as nobody has looked. */
interface Sample {
  verdict: "confirmed" | "not_confirmed" | "seen" | null;
  said: Said[];
}

/** Advises on one trap. */
export function advise(asked: Situation): Advice {
  const situation = { ...asked, readings: settled(asked.readings) };
  const { pest, crop, state } = situation;
  const threshold = thresholdFor("trap", pest, crop, state);
  const sample = sampleOf(situation);
  const [judged, rate, messages] = judgement(situation, threshold, sample);
  const [first, ...others] = messages;
  // Plants decide, not the trap: what was found on them is never talked down by a low catch.
  const [level, words]: [Level, Said[]] =
    sample.verdict !== "confirmed"
      ? [judged, messages]
      : judged === "red" && first
        ? [judged, [first, ...sample.said, ...others]]
        : ["orange", [said("sample_confirmed"), ...sample.said, ...messages]];
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
    messages: words,
  };
}

/** What the plants say: damage for a week, soundness only beside the last count, half a look nothing. */
function sampleOf({ pest, inspections, readings, now }: Situation): Sample {
  const own = inspections.filter(({ inspected_at, rule }) => {
    const species = speciesOfRule(rule);
    return Date.parse(inspected_at) > now.getTime() - heard_days * DAY_MS && (species === null || species === pest);
  });
  const serious = newestFinished(own)
    .filter((one) => outcomeOf(one) === "serious")
    .at(-1);
  if (serious) return { verdict: "confirmed", said: [found(serious), said("kvk")] };
  const last = readings.at(-1);
  const earliest = last ? Date.parse(last.taken_at) - sound_days * DAY_MS : 0;
  const beside = own.filter(({ inspected_at }) => Date.parse(inspected_at) >= earliest);
  const looked = newestFinished(beside);
  const newest = looked.at(-1);
  if (newest) {
    const isSound = looked.some((one) => outcomeOf(one) === "sound");
    return { verdict: isSound ? "not_confirmed" : "seen", said: [found(newest)] };
  }
  if (beside.length === 0) return { verdict: null, said: [] };
  const begun = beside.reduce((a, b) => (Date.parse(b.inspected_at) > Date.parse(a.inspected_at) ? b : a));
  const sample = tallyOf(begun.rule)?.sample ?? USUAL_SAMPLE;
  return { verdict: null, said: [said("sample_more", { looked: begun.looked, sample })] };
}

function found({ rule, looked, found }: Inspection): Said {
  return said(tallyOf(rule)?.each ? "found_insects" : "found_damage", { looked, found });
}

function judgement(
  { pest, crop, readings, now, state, lureLifeDays }: Situation,
  threshold: Threshold | null,
  sample: Sample,
): readonly [Level, number | null, Said[]] {
  const last = readings.at(-1);
  if (!last) return ["no-data", null, [said("first_count")]];
  const rate = rateOf(last);
  const isLureDoubtful = lureIsDoubtful(pest, last, lureLifeDays);
  const missing = whyNoData(last, now, isLureDoubtful);
  if (missing || rate === null) return ["no-data", null, [missing ?? said("empty_first")]];

  const [level, reasons] = threshold
    ? judge(threshold, readings, last, sample.verdict)
    : (["watch", watch(readings)] as const);
  const isCalm = level === "green" || (level === "watch" && last.count === 0);
  if (isCalm && last.gate === "doubtful") return ["no-data", null, [said("photo_again"), said("doubtful_photo")]];
  const messages = [...reasons];
  if (level === "orange" || level === "watch") {
    if (sample.verdict === null) messages.push(...inspection(pest, crop, state));
    if (sample.verdict !== "confirmed") messages.push(...sample.said);
    messages.push(said("ask_officer"));
  }
  if (level === "orange" || level === "red") messages.push(said("count_tomorrow"));
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

function said(id: string, params: Record<string, number> = {}): Said {
  return { id, params };
}

const zero = (): Said => said("zero", { days: again_days_low });

/**
 * After how many days a lure counts as old; null for a pest that is caught without one. What the packet says stands where
 * our own number is a guess, and beside a sourced one only if it is shorter.
 */
export function lureLife(pest: string, told: number | null): number | null {
  const { lure_life_days: known = null, lure_guess: isGuess = false } = SPECIES.get(pest) ?? {};
  if (known === null || told === null) return known;
  return isGuess ? told : Math.min(known, told);
}

function lureIsDoubtful(pest: string, last: Reading, told: number | null): boolean {
  const life = lureLife(pest, told);
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
  verdict: Sample["verdict"],
): readonly [Level, Said[]] {
  const [least, greatest] = last.interval ?? [last.count, last.count];
  const reaches = (count: number, share = 1): boolean => shareOf(threshold, last, count) >= share;
  if (reaches(last.count)) {
    const reasons = threshold.role === "release_parasitoids" ? [said("parasitoids")] : [];
    if (verdict === "confirmed") {
      return hasLasted(threshold, readings, last) ? ["red", [said("confirmed"), ...reasons]] : ["orange", reasons];
    }
    if (verdict !== null) return ["orange", verdict === "not_confirmed" ? [said("sample_low"), ...reasons] : reasons];
    const doubt = reaches(least) ? [] : [said("maybe_below")];
    return ["orange", [said("inspect_today"), ...doubt, ...reasons]];
  }
  if (reaches(greatest) && verdict === null) return ["yellow", [said("maybe_reached")]];
  if (reaches(last.count, 0.5) || reaches(greatest)) return ["yellow", [said("near", { days: again_days_near })]];
  if (isRising(readings)) {
    const isSure = areApart(readings.at(-rising_readings) as Reading, last);
    return ["yellow", [said(isSure ? "rising" : "rising_maybe", { days: again_days_near })]];
  }
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

/** The trend of a pest without a trap threshold, said as surely as the counts allow. */
function watch(readings: readonly Reading[]): Said[] {
  const [before, after] = readings.filter((reading) => rateOf(reading) !== null).slice(-2);
  if (!before || !after) return [said("no_trap_number")];
  return [said(trendOf(before, after)), said("no_trap_number")];
}

function trendOf(before: Reading, after: Reading): string {
  const [old, now] = [rateOf(before) ?? 0, rateOf(after) ?? 0];
  if (Math.abs(now - old) <= same_share * Math.max(old, now)) return "trend_same";
  if (areApart(before, after)) return now > old ? "trend_up" : "trend_down";
  // Two counts that may be the same: a rise is still looked into, a fall comforts nobody.
  return now > old ? "trend_maybe_up" : "trend_same";
}

/** Whether what the two counts may be leaves no rate that both could have. */
function areApart(one: Reading, other: Reading): boolean {
  const range = ({ count, nights, interval }: Reading): [number, number] => {
    const [least, greatest] = interval ?? [count, count];
    return [least / (nights || 1), greatest / (nights || 1)];
  };
  const [a, b] = range(one);
  const [c, d] = range(other);
  return b < c || d < a;
}

/** Rung 1 of the ladder: what to look at, and what a sample means. */
export function inspection(pest: string, crop: string, state: string | null): Said[] {
  const look = said(LOOK[`${pest} ${crop}`] ?? "look_plants");
  const rule = thresholdFor("plant", pest, crop, state);
  return rule ? [look, said(`plant_${rule.id}`)] : [look];
}

const oneDecimal = (value: number | null): number | null => (value === null ? null : Math.floor(value * 10 + 0.5) / 10);
