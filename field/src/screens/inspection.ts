/**
 * A look at the plants, guided: one boll (flower, plant, …) after another, damaged or fine, until there are enough.
 *
 * Each touch is on the disk before the next: a phone that dies in the field goes on where it stopped. The result is a fact.
 */

import { type Tally, talliesFor } from "../advice/tally";
import { type Child, h } from "../elements";
import { type Message, number, t } from "../i18n";
import { type IconName, icon } from "../icons";
import type { BegunInspection } from "../store/database";
import { append } from "../store/outbox";
import { forget, keep, setting } from "../store/settings";
import { flushSoon } from "../sync/flush";
import { instant } from "../sync/protocol";
import { inspectionWords } from "../trap/advice";
import { type MyTrap, myTrap } from "../trap/my-traps";
import { pestPicture } from "../trap/pest-picture";
import { pestName } from "../trap/pests";
import { calendarDate } from "../trap/trap";
import { button, goInstead, redraw, type Screen } from "./frame";
import { listenButton } from "./listen";
import { pictureQuestion } from "./questions";

const PARTS: Record<string, { icon: IconName; name: () => Message }> = {
  flower: { icon: "flower", name: () => t("Flowers") },
  boll: { icon: "boll", name: () => t("Bolls") },
  plant: { icon: "leaf", name: () => t("Plants") },
  fruiting_part: { icon: "flower", name: () => t("Buds, flowers and bolls") },
  fruit: { icon: "brinjal", name: () => t("Fruits") },
  leaf: { icon: "leaf", name: () => t("Leaves") },
  hill: { icon: "rice", name: () => t("Rice hills") },
  tiller: { icon: "rice", name: () => t("Tillers") },
  square_metre: { icon: "far", name: () => t("Square metres") },
};

/** On each; the server takes 10,000 of one inspection, and no sample is larger than 20 where insects are counted. */
const MOST_EACH = 500;

export async function inspectionScreen(id: string): Promise<Screen | null> {
  const [trap, kept] = await Promise.all([myTrap(id), setting("inspection")]);
  if (!trap) return null;
  const tallies = talliesFor(trap.pest, trap.crop, trap.state);
  const begun_on = calendarDate(new Date());
  const isOfToday = kept?.trap === id && kept.begun_on === begun_on;
  const isGoingOn = isOfToday && tallies.some(({ rule, part }) => rule === kept.rule && part === kept.part);
  const [first] = tallies as [Tally];
  const begun: BegunInspection = isGoingOn
    ? kept
    : { trap: id, begun_on, rule: first.rule, part: first.part, found: [] };
  const tally = tallies.find(({ rule, part }) => rule === begun.rule && part === begun.part) ?? first;
  return {
    testid: "inspection",
    title: t("Look at the plants"),
    back: `#/traps/${id}/advice`,
    body: [
      h("p", { class: "subject" }, pestPicture(trap.pest), h("strong", {}, pestName(trap.pest))),
      begun.found.length === 0 && [which(tallies, begun), how(trap)],
      counting(begun, tally),
    ],
  };
}

/** Which part of the plant; only before the first one, and only where there is a choice. */
function which(tallies: Tally[], begun: BegunInspection): Child {
  if (tallies.length < 2) return null;
  const options = tallies.map(({ part, sample }) => ({
    value: part,
    picture: icon(PARTS[part]?.icon ?? "leaf"),
    words: [PARTS[part]?.name() ?? part, ` · ${number(sample)}`],
  }));
  return pictureQuestion(t("What do you look at?"), "part", options, begun.part, async (part) => {
    const rule = tallies.find((tally) => tally.part === part)?.rule ?? null;
    await keep("inspection", { ...begun, part, rule });
    redraw();
  });
}

function how(trap: MyTrap): Child {
  const sentences = inspectionWords(trap).map((message) => ({ message, element: h("li", {}, message) }));
  return [
    listenButton(() => sentences),
    h(
      "ul",
      { class: "sentences" },
      sentences.map(({ element }) => element),
    ),
  ];
}

/** The tally: how many were looked at, how many were damaged, and two buttons that a glove does not miss. */
function counting(begun: BegunInspection, tally: Tally): Child {
  const { found } = begun;
  const sum = found.reduce((total, n) => total + n, 0);
  const note = async (n: number): Promise<void> => {
    navigator.vibrate?.(30);
    const next = { ...begun, found: [...found, n] };
    await keep("inspection", next);
    const total = sum + n;
    // Enough of them, or so many damaged that the rest cannot change it: then nobody is kept in the field.
    const isEnough = tally.serious !== null && total >= tally.serious;
    if (next.found.length >= tally.sample || isEnough) await finish(next, true);
    else redraw();
  };
  const undo = async (): Promise<void> => {
    await keep("inspection", { ...begun, found: found.slice(0, -1) });
    redraw();
  };
  return h(
    "section",
    { class: "tally", testid: "tally", "data-looked": found.length, "data-found": sum },
    h(
      "p",
      { class: "tally-number" },
      icon(PARTS[tally.part]?.icon ?? "leaf", "huge"),
      h("output", { "aria-live": "polite" }, t("%(n)s of %(all)s", { n: found.length, all: tally.sample })),
    ),
    h("progress", { max: tally.sample, value: found.length, "aria-label": t("Looked at") }),
    h("p", { class: "tally-found" }, tally.each ? t("Found: %(n)s", { n: sum }) : t("Damaged: %(n)s", { n: sum })),
    tally.each ? each(note) : yesOrNo(note),
    found.length > 0 &&
      h(
        "div",
        { class: "two" },
        button("back", t("Take the last back"), { testid: "tally-undo", onclick: undo }),
        button("check", t("Stop here"), { testid: "tally-stop", onclick: () => finish(begun, false) }),
      ),
  );
}

function yesOrNo(note: (n: number) => Promise<void>): HTMLElement {
  return h(
    "div",
    { class: "verdicts" },
    button("cross", t("Damaged"), { testid: "tally-damaged", onclick: () => note(1) }),
    button("check", t("Fine"), { testid: "tally-fine", onclick: () => note(0) }),
  );
}

/** Insects or eggs on this one, then the next. */
function each(note: (n: number) => Promise<void>): HTMLElement {
  let n = 0;
  const output = h("output", { class: "count-number", testid: "tally-each", "aria-live": "polite" }, number(n));
  const change = (by: number): void => {
    n = Math.min(MOST_EACH, Math.max(0, n + by));
    output.value = number(n);
  };
  const round = (picture: IconName, words: Message, testid: string, by: number): HTMLElement =>
    h("button", { type: "button", class: "button round", testid, "aria-label": words, onclick: () => change(by) }, [
      icon(picture),
    ]);
  return h(
    "div",
    { class: "stack" },
    h(
      "div",
      { class: "stepper" },
      round("minus", t("One less"), "tally-minus", -1),
      output,
      round("plus", t("One more"), "tally-plus", 1),
    ),
    button("next", t("Next one"), { testid: "tally-next", look: "main", onclick: () => note(n) }),
  );
}

/** Whoever stops early may go on later: the fact says how far it came, and a later one takes its place. */
async function finish({ trap, rule, part, found }: BegunInspection, isDone: boolean): Promise<void> {
  const now = instant(new Date());
  const sum = found.reduce((total, n) => total + n, 0);
  await append({
    kind: "inspection",
    at: now,
    body: { trap, inspected_at: now, rule, part, looked: found.length, found: sum },
  });
  if (isDone) await forget("inspection");
  void flushSoon();
  goInstead(`#/traps/${trap}/advice`);
}
