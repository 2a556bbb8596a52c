/** When a trap is to be counted again, and when its lure is old: what the home screen and every reminder say. */

import rules from "../../generated/rules.json" with { type: "json" };
import { lureLife } from "../advice/rules";
import { dateText, type Message, t, tn } from "../i18n";
import type { AdviceJson, CalendarDate } from "../sync/protocol";
import { adviceFor } from "./advice";
import type { MyTrap } from "./my-traps";
import { calendarDate, daysBefore, daysBetween, noonOf } from "./trap";

const after = (day: CalendarDate, days: number): CalendarDate => calendarDate(daysBefore(noonOf(day), -days));
const dayOf = (instant: string): CalendarDate => calendarDate(new Date(instant));

/** The day on which the advice asks for the next count. */
export function countDue(trap: MyTrap, advice: AdviceJson, now: Date): CalendarDate {
  const last = trap.counts.at(-1);
  const today = calendarDate(now);
  if (!last) {
    const first = trap.emptied_at ? after(dayOf(trap.emptied_at), 1) : today;
    const isAhead = first > today;
    return isAhead ? first : today;
  }
  const said = new Map(advice.messages.map(({ id, params }) => [id, params]));
  const day = dayOf(last.taken_at);
  if (said.has("count_tomorrow")) return after(day, 1);
  // What cannot be used is counted again as soon as it can be.
  if (advice.catch_rate === null || said.has("maybe_reached")) return said.has("empty_first") ? after(day, 1) : day;
  const days = [...said.values()].find(({ days }) => typeof days === "number")?.days;
  return after(day, typeof days === "number" ? days : rules.constants.again_days_low);
}

/** The last day on which the lure is trusted; today when its age is not known; null for a trap without a lure. */
export function lureDue(trap: MyTrap, now: Date): CalendarDate | null {
  const life = lureLife(trap.pest, trap.lure_life_days ?? null);
  if (life === null) return null;
  return trap.lure_changed_on ? after(trap.lure_changed_on, life) : calendarDate(now);
}

export interface Due {
  what: "count" | "lure";
  on: CalendarDate;
  /** Days until then; negative when it is overdue. */
  days: number;
}

/** What is to be done at a trap, the most urgent first. */
export function dueAt(trap: MyTrap, now: Date, advice = adviceFor(trap, now)): Due[] {
  const today = calendarDate(now);
  const lure = lureDue(trap, now);
  const dues: Due[] = [{ what: "count", on: countDue(trap, advice, now), days: 0 }];
  if (lure) dues.push({ what: "lure", on: lure, days: 0 });
  return dues.map((due) => ({ ...due, days: daysBetween(today, due.on) })).sort((a, b) => a.days - b.days);
}

/** When it is due, the way people say it. */
export function dueText({ days, on }: Due): Message | string {
  if (days === 0) return t("Today");
  if (days === 1) return t("Tomorrow");
  if (days < 0) return tn("%(n)s day late", "%(n)s days late", -days);
  return days <= 14 ? tn("In %(n)s day", "In %(n)s days", days) : dateText(noonOf(on));
}

export const dueName = ({ what }: Due): Message => (what === "count" ? t("Count") : t("New lure"));

const RANK: Partial<Record<AdviceJson["level"], number>> = { red: 0, orange: 1 };

/** What needs a person first: damage and high catches, then whatever is due first. */
export function byUrgency(traps: MyTrap[], now: Date): { trap: MyTrap; advice: AdviceJson; dues: Due[] }[] {
  return traps
    .map((trap) => {
      const advice = adviceFor(trap, now);
      return { trap, advice, dues: dueAt(trap, now, advice) };
    })
    .sort(
      (a, b) =>
        (RANK[a.advice.level] ?? 2) - (RANK[b.advice.level] ?? 2) || (a.dues[0]?.days ?? 0) - (b.dues[0]?.days ?? 0),
    );
}
