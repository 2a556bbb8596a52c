/** One trap: its season as a line against the threshold, every count, and what was done to the trap. */

import { lureLife } from "../advice/rules";
import { h } from "../elements";
import { dateText, number, t, tn } from "../i18n";
import { type IconName, icon } from "../icons";
import { append } from "../store/outbox";
import { flushSoon } from "../sync/flush";
import { type InspectionBody, instant } from "../sync/protocol";
import { adviceFor } from "../trap/advice";
import { dueAt } from "../trap/due";
import { type Count, type MyTrap, myTrap } from "../trap/my-traps";
import { lureSource } from "../trap/pests";
import { CROPS, isUnknown, noonOf, TRAP_TYPES } from "../trap/trap";
import { adviceCards, inspectButton } from "./advice";
import { button, redraw, type Screen, say } from "./frame";
import { countShown } from "./gate-notice";
import { remindersCard } from "./reminders-card";
import { isLate, seasonLine } from "./season-line";
import { countForgottenDay } from "./taken-day";
import { waysToCount } from "./traps";

export async function historyScreen(id: string): Promise<Screen | null> {
  const trap = await myTrap(id);
  if (!trap) return null;
  const advice = adviceFor(trap, new Date());
  const did = async (what: { emptied: boolean; lure_changed: boolean }): Promise<void> => {
    const now = instant(new Date());
    await append({ kind: "service", at: now, body: { trap: trap.trap, serviced_at: now, ...what } });
    void flushSoon();
    say(t("Saved"));
    redraw();
  };
  return {
    testid: "history",
    title: trap.name,
    back: "#/",
    body: [
      waysToCount(trap),
      button("calendar", t("Add a forgotten day"), {
        testid: "forgotten-day",
        look: "quiet",
        onclick: () => countForgottenDay(trap),
      }),
      trap.counts.length + trap.inspections.length > 0 ? await adviceCards(trap) : inspectButton(trap, advice),
      await remindersCard(trap, dueAt(trap, new Date(), advice)),
      seasonLine(trap.counts, advice.threshold?.value_per_night ?? null),
      rowsOf(trap),
      h(
        "section",
        { class: "card" },
        about(trap),
        h(
          "div",
          { class: "stack" },
          button("lure", t("I put in a new lure now"), {
            testid: "lure-changed",
            onclick: () => did({ emptied: false, lure_changed: true }),
          }),
          button("empty", t("I emptied the trap now"), {
            testid: "trap-emptied",
            onclick: () => did({ emptied: true, lure_changed: false }),
          }),
          button("pencil", t("Change the trap"), { testid: "edit-trap", href: `#/traps/${trap.trap}/edit` }),
        ),
      ),
    ],
  };
}

function about(trap: MyTrap): HTMLElement {
  const lure = trap.lure_changed_on ? dateText(noonOf(trap.lure_changed_on)) : t("I do not know");
  const life = lureLife(trap.pest, trap.lure_life_days ?? null);
  const emptied = trap.emptied_at ? dateText(new Date(trap.emptied_at)) : t("I do not know");
  return h(
    "dl",
    { class: "about" },
    h("dt", {}, icon(CROPS[trap.crop].icon), t("Crop")),
    h("dd", {}, CROPS[trap.crop].name()),
    h("dt", {}, icon(TRAP_TYPES[trap.trap_type].icon), t("Trap")),
    h("dd", {}, TRAP_TYPES[trap.trap_type].name()),
    h("dt", {}, icon("lure"), t("Lure put in")),
    h("dd", {}, lure),
    life !== null && [
      h("dt", {}, icon("clock"), t("A lure lasts")),
      h(
        "dd",
        {},
        tn("%(n)s day", "%(n)s days", life),
        h("br"),
        life !== trap.lure_life_days && h("small", { lang: "en" }, lureSource(trap.pest)),
      ),
    ],
    trap.sown_on && [h("dt", {}, icon("leaf"), t("Sown")), h("dd", {}, dateText(noonOf(trap.sown_on)))],
    h("dt", {}, icon("empty"), t("Last emptied")),
    h("dd", {}, emptied),
  );
}

/** Counts and inspections, the newest first. */
function rowsOf(trap: MyTrap): HTMLElement {
  const { counts, inspections } = trap;
  const rows = [
    ...counts.map((count) => ({ at: count.taken_at, row: countRow(count) })),
    ...inspections.map((one) => ({ at: one.inspected_at, row: inspectionRow(one) })),
  ].sort((a, b) => b.at.localeCompare(a.at));
  return h(
    "ol",
    { class: "rows", testid: "count-list" },
    rows.map(({ row }) => row),
    counts.length > 0 &&
      h("li", { class: "quiet" }, tn("%(n)s count", "%(n)s counts", counts.length, { n: number(counts.length) })),
  );
}

function inspectionRow({ inspected_at, looked, found }: InspectionBody): HTMLElement {
  return h(
    "li",
    { testid: "inspection-row" },
    h("span", { class: "by", role: "img", "aria-label": t("Plants looked at") }, icon("leaf")),
    h(
      "span",
      {},
      h("strong", {}, t("Found: %(n)s", { n: found })),
      " · ",
      t("%(n)s looked at", { n: looked }),
      h("br"),
      dateText(new Date(inspected_at)),
    ),
  );
}

const MADE_BY: Record<Count["by"], IconName> = { model: "phone", farmer: "hand", officer: "officer" };

function countRow(count: Count): HTMLElement {
  const made = { model: t("Counted by the phone"), farmer: t("Counted by you"), officer: t("Counted by an officer") };
  return h(
    "li",
    { testid: "count-row" },
    h("span", { class: "by", role: "img", "aria-label": made[count.by] }, icon(MADE_BY[count.by])),
    h(
      "span",
      {},
      countShown(count),
      h("br"),
      dateText(new Date(count.taken_at)),
      count.nights !== null && [" · ", tn("%(n)s night", "%(n)s nights", count.nights)],
    ),
    count.gate?.verdict === "doubtful" &&
      !isUnknown(count) &&
      h("span", { class: "mark-doubt" }, icon("question"), t("Doubtful photo")),
    isLate(count) && h("span", { class: "mark-doubt", testid: "late" }, icon("clock"), t("Written down later")),
  );
}
