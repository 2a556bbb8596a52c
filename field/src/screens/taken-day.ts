/** On which day a count was made: today, unless a person says otherwise. */

import { h } from "../elements";
import { dateText, t } from "../i18n";
import { icon } from "../icons";
import type { Draft } from "../store/database";
import { beginDraft, keepDraft } from "../store/draft";
import { type CalendarDate, instant } from "../sync/protocol";
import { type MyTrap, nightsUntil } from "../trap/my-traps";
import { calendarDate, daysBefore, noonOf, whenText } from "../trap/trap";
import { go, redraw } from "./frame";
import { dayQuestion } from "./questions";

/** As far back as days can be touched; the calendar reaches further. */
const DAYS_TO_TOUCH = 14;

/** Begins a count by hand of a day that was forgotten: yesterday, until another day is chosen. */
export async function countForgottenDay(trap: MyTrap): Promise<void> {
  const draft = await beginDraft(trap.trap, "hand", null);
  await moveTo(draft, trap, calendarDate(daysBefore(new Date(), 1)));
  go(`#/count/${trap.trap}`);
}

/** Nights and age of the lure follow from the day; noon is as good as any hour of a day that is past. */
async function moveTo(draft: Draft, trap: MyTrap, day: CalendarDate): Promise<void> {
  const { taken_at: _, ...rest } = draft;
  const begunAt = new Date(draft.begun_at);
  const isBegun = day === calendarDate(begunAt);
  const at = isBegun ? begunAt : day === calendarDate(new Date()) ? new Date() : noonOf(day);
  await keepDraft({ ...rest, nights: nightsUntil(trap, at), ...(!isBegun && { taken_at: instant(at) }) });
}

export function takenDayRow(draft: Draft, trap: MyTrap): HTMLElement {
  const now = new Date();
  const taken = new Date(draft.taken_at ?? draft.begun_at);
  const days = Array.from({ length: DAYS_TO_TOUCH + 1 }, (_, ago) => {
    const day = daysBefore(now, ago);
    return { ago, words: ago < 2 ? whenText(day, now) : dateText(day, "short") };
  });
  const question = dayQuestion({
    question: t("On which day did you count?"),
    name: "taken",
    picture: "calendar",
    days,
    unknown: false,
    chosen: calendarDate(taken),
    onChoose: async (day) => {
      if (day) await moveTo(draft, trap, day);
      redraw();
    },
  });
  return h(
    "details",
    { class: "asked taken-day", testid: "taken-day", open: draft.taken_at !== undefined },
    h("summary", {}, icon("calendar"), h("strong", {}, whenText(taken, now)), h("span", {}, t("Another day"))),
    question,
  );
}
