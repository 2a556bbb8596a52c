/** Advice at once: level, what to do, and by what number; to read and to hear. */

import { type Child, h } from "../elements";
import { aloud, dateText, number, t } from "../i18n";
import { icon } from "../icons";
import type { AdviceJson, AdvisoryChange } from "../sync/protocol";
import { adviceFor, asksToInspect, messagesOf, saysTheSame, serversAdvice, standingOf } from "../trap/advice";
import { type Due, dueAt, dueName, dueText } from "../trap/due";
import { type MyTrap, myTrap } from "../trap/my-traps";
import { pestPicture } from "../trap/pest-picture";
import { pestName } from "../trap/pests";
import { countText } from "../trap/trap";
import { button, notice, type Screen } from "./frame";
import { listenButton } from "./listen";
import { rangeBar, rangeWords } from "./range";
import { nextTraps } from "./traps";

export async function adviceScreen(id: string): Promise<Screen | null> {
  const trap = await myTrap(id);
  if (!trap) return null;
  return {
    testid: "advice",
    title: trap.name,
    back: "#/",
    body: [
      await adviceCards(trap),
      trap.counts.length > 0 && dueRows(dueAt(trap, new Date())),
      h(
        "div",
        { class: "stack" },
        button("share", t("Share"), { testid: "share", onclick: () => share(trap) }),
        button("calendar", t("All counts of this trap"), { testid: "open-history", href: `#/traps/${trap.trap}` }),
      ),
      await nextTraps(trap.trap),
      button("check", t("Done"), { testid: "advice-done", look: "main", href: "#/" }),
    ],
  };
}

/** The picture for the neighbours; its code comes when somebody wants it. */
async function share(trap: MyTrap): Promise<void> {
  const { shareAdvice } = await import("./share");
  await shareAdvice(trap, adviceFor(trap, new Date()));
}

/** What is to be done next, and when. */
export function dueRows(dues: Due[]): HTMLElement {
  return h(
    "ul",
    { class: "dues", testid: "dues" },
    dues.map((due) =>
      h(
        "li",
        { class: due.days < 0 ? "due late" : "due", testid: `next-${due.what}`, "data-on": due.on },
        icon(due.what === "count" ? "clock" : "lure"),
        h("span", {}, dueName(due), ": ", h("strong", {}, dueText(due))),
      ),
    ),
  );
}

/** The way to the plants; the big button when the advice sends the farmer there. */
export function inspectButton(trap: MyTrap, advice: AdviceJson): HTMLElement {
  const look = asksToInspect(advice) ? "main" : "plain";
  return button("leaf", t("Look at the plants"), { testid: "inspect", look, href: `#/traps/${trap.trap}/inspect` });
}

/** The phone's own advice, and the server's beside it when that says something else. */
export async function adviceCards(trap: MyTrap): Promise<HTMLElement[]> {
  const advice = adviceFor(trap, new Date());
  const server = await serversAdvice(trap);
  const card = adviceCard(trap, advice);
  if (server) card.dataset.serverLevel = server.advice.level;
  return server && !saysTheSame(server.advice, advice) ? [card, officerCard(server)] : [card];
}

/** Level, sentences and numbers of one advice, with a button that reads it. */
function adviceCard(trap: MyTrap, advice: AdviceJson): HTMLElement {
  const level = standingOf(advice);
  const last = trap.counts.at(-1);
  const range = last?.interval ?? null;
  const counted = last && countText(last);
  const levelName = { message: level.name, element: h("strong", {}, level.name) };
  const subject = h(
    "p",
    { class: "subject" },
    pestPicture(trap.pest),
    h("span", {}, h("strong", {}, pestName(trap.pest)), counted && [": ", counted]),
  );
  const rangeLine =
    range &&
    h("p", { class: "quiet", testid: "advice-range" }, rangeBar(range, last?.count ?? 0), " ", rangeWords(range));
  const sentences = messagesOf(advice).map((message) => ({ message, element: h("li", {}, message) }));
  const heard = [
    levelName,
    { message: pestName(trap.pest), element: subject },
    ...(counted ? [{ message: counted, element: subject }] : []),
    ...(range && rangeLine ? [{ message: rangeWords(range), element: rangeLine }] : []),
    ...sentences,
  ];
  return h(
    "section",
    { class: `advice ${level.class}`, testid: "advice", "data-level": advice.level },
    h("p", { class: "advice-level", testid: "advice-level" }, icon(level.icon, "huge"), levelName.element),
    h(
      "div",
      { class: "advice-words" },
      listenButton(() => heard),
      subject,
      rangeLine,
      h(
        "ul",
        { class: "sentences", testid: "advice-messages" },
        sentences.map(({ element }) => element),
      ),
      inspectButton(trap, advice),
      numbers(advice),
    ),
  );
}

function numbers({ catch_rate, threshold }: AdviceJson): Child {
  if (catch_rate === null) return null;
  const limit = threshold?.value_per_night ?? null;
  return [
    h("p", { class: "rate", testid: "catch-rate" }, t("Insects each night: %(rate)s", { rate: catch_rate })),
    limit !== null && h("p", { class: "rate" }, t("Inspect the plants from: %(limit)s each night", { limit })),
    threshold &&
      h(
        "details",
        { class: "quiet source" },
        h("summary", {}, t("Where this number comes from")),
        h("p", { lang: "en" }, threshold.source),
      ),
  ];
}

function officerCard({ advice, issued_at }: AdvisoryChange): HTMLElement {
  const level = standingOf(advice);
  const whose = aloud(t("From your officers"));
  const sentences = messagesOf(advice).map((message) => ({ message, element: h("p", {}, message) }));
  return notice(
    "plain",
    "officer",
    "officer-advice",
    h("p", {}, h("strong", {}, whose), ` · ${dateText(new Date(issued_at))}`),
    h("p", {}, h("strong", {}, level.name), advice.catch_rate !== null && ` · ${number(advice.catch_rate)}`),
    sentences.map(({ element }) => element),
    listenButton(() => [{ message: whose }, { message: level.name }, ...sentences]),
  );
}
