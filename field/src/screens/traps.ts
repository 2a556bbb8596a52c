/** Home: my traps, each with its picture, its level and one big camera button. */

import { photoButton } from "../camera";
import { type Child, h } from "../elements";
import { number, t, tn } from "../i18n";
import { icon } from "../icons";
import type { Problem } from "../problem";
import type { Draft } from "../store/database";
import { allDrafts, beginDraft, draftOf, dropDraft } from "../store/draft";
import { standingOf } from "../trap/advice";
import { byUrgency, type Due, dueName, dueText } from "../trap/due";
import { type MyTrap, myTraps } from "../trap/my-traps";
import { pestPicture } from "../trap/pest-picture";
import { isPhotoCounted, pestName } from "../trap/pests";
import { noteReminder } from "../trap/reminders";
import { CROPS, calendarDate, countText, nightsSince, whenText } from "../trap/trap";
import { button, go, notice, redraw, type Screen, say } from "./frame";
import { homeNotices } from "./home-notices";

/** From so many on the traps are a list with one button each: what else can be done stands on the trap's own screen. */
const MANY = 5;

const report = (problem: Problem): void => say(t(problem.message, problem.params));

async function byHand(trap: MyTrap): Promise<void> {
  const draft = await draftOf(trap.trap);
  // Whoever went back by mistake finds the number as it was.
  const isGoingOn =
    draft?.source === "hand" && !draft.taken_at && calendarDate(new Date(draft.begun_at)) === calendarDate(new Date());
  if (!isGoingOn) await beginDraft(trap.trap, "hand", nightsSince(trap.emptied_at, new Date()));
  go(`#/count/${trap.trap}`);
}

/** The ways to count one trap: photo, gallery, by hand. */
export function waysToCount(trap: MyTrap): Child {
  const nights = nightsSince(trap.emptied_at, new Date());
  const onPhoto = (): void => go(`#/count/${trap.trap}`);
  if (!isPhotoCounted(trap.pest)) {
    return [
      h("p", { class: "quiet", testid: "not-from-photos" }, t("Not counted from photos yet")),
      button("hand", t("Count by hand"), { testid: "count-by-hand", look: "main", onclick: () => byHand(trap) }),
    ];
  }
  return h(
    "div",
    { class: "ways" },
    photoButton({ from: "camera", trap: trap.trap, nights, look: "main", onPhoto, onProblem: report }),
    photoButton({ from: "gallery", trap: trap.trap, nights, onPhoto, onProblem: report }),
    button("hand", t("By hand"), { testid: "count-by-hand", onclick: () => byHand(trap) }),
  );
}

function lastCount(trap: MyTrap): Child {
  const last = trap.counts.at(-1);
  if (!last) return h("span", { class: "quiet" }, t("Not counted yet"));
  return h("span", {}, h("strong", {}, countText(last)), " · ", whenText(new Date(last.taken_at), new Date()));
}

/** The one way to count that stands beside a trap in the list. */
function oneWayToCount(trap: MyTrap): HTMLElement {
  const nights = nightsSince(trap.emptied_at, new Date());
  if (!isPhotoCounted(trap.pest)) {
    return button("hand", t("Count by hand"), { testid: "count-by-hand", look: "main", onclick: () => byHand(trap) });
  }
  const onPhoto = (): void => go(`#/count/${trap.trap}`);
  return photoButton({ from: "camera", trap: trap.trap, nights, look: "main", onPhoto, onProblem: report });
}

/** What is due at a trap: today, or already late; what lies ahead is said on the trap's own screen. */
function dueNow(dues: Due[]): Child {
  return dues
    .filter(({ days }) => days <= 0)
    .map((due) =>
      h(
        "span",
        { class: `due${due.days < 0 ? " late" : ""}`, testid: `due-${due.what}`, "data-days": due.days },
        icon(due.what === "count" ? "clock" : "lure", "small"),
        h("span", {}, dueName(due), " · ", dueText(due)),
      ),
    );
}

type Standing = ReturnType<typeof byUrgency>[number];

function card({ trap, advice, dues }: Standing, isOneOfMany: boolean): HTMLElement {
  const level = standingOf(advice);
  const badge =
    trap.counts.length > 0 &&
    h("span", { class: `level ${level.class}`, testid: "trap-level" }, icon(level.icon), h("span", {}, level.name));
  return h(
    "article",
    {
      class: `card trap${isOneOfMany ? " of-many" : ""}`,
      testid: "trap-card",
      "data-trap": trap.trap,
      "data-pest": trap.pest,
    },
    h(
      "a",
      { class: "card-head", href: `#/traps/${trap.trap}`, testid: "open-trap" },
      pestPicture(trap.pest),
      h(
        "span",
        { class: "card-words" },
        h("strong", { class: "name" }, trap.name),
        !isOneOfMany && [h("span", {}, icon(CROPS[trap.crop].icon, "small"), pestName(trap.pest)), lastCount(trap)],
        isOneOfMany && badge,
        dueNow(dues),
      ),
      !isOneOfMany && badge,
    ),
    isOneOfMany ? oneWayToCount(trap) : waysToCount(trap),
  );
}

/** All traps, the most urgent first; many of them under their villages, the village with the most urgent trap first. */
function listed(standings: Standing[]): Child {
  const isMany = standings.length >= MANY;
  const villages = new Set(standings.map(({ trap }) => trap.village ?? ""));
  if (!isMany || villages.size === 1) return standings.map((standing) => card(standing, isMany));
  return [...villages].map((village) =>
    h(
      "section",
      { class: "stack", testid: "village" },
      h("h2", { class: "village" }, icon("place"), village || t("No village")),
      standings.filter(({ trap }) => (trap.village ?? "") === village).map((standing) => card(standing, true)),
    ),
  );
}

/** The other traps that are to be counted by now: whoever walks from one to the next photographs it from here. */
export async function nextTraps(than: string): Promise<Child> {
  const due = byUrgency(await myTraps(), new Date()).filter(
    ({ trap, dues }) => trap.trap !== than && dues.some(({ what, days }) => what === "count" && days <= 0),
  );
  if (due.length === 0) return null;
  return h(
    "section",
    { class: "stack", testid: "next-traps" },
    due.map((standing) => card(standing, true)),
  );
}

/** Counts that were begun and not saved: the camera or the phone may have closed the app. */
async function unfinished(traps: MyTrap[]): Promise<Child> {
  const drafts = await allDrafts();
  return drafts.map((draft) => {
    const trap = traps.find(({ trap }) => trap === draft.trap);
    return trap && unfinishedCount(draft, trap);
  });
}

function unfinishedCount(draft: Draft, trap: MyTrap): HTMLElement {
  const drop = button("cross", t("Discard"), {
    testid: "draft-discard",
    onclick: async () => {
      await dropDraft(trap.trap);
      redraw();
    },
  });
  const isPhotoMissing = draft.source === "photo" && !draft.photo;
  const goOn = isPhotoMissing
    ? photoButton({
        from: "camera",
        trap: trap.trap,
        nights: draft.nights,
        look: "main",
        onPhoto: () => go(`#/count/${trap.trap}`),
        onProblem: report,
      })
    : button("next", t("Go on"), { testid: "draft-continue", look: "main", href: `#/count/${trap.trap}` });
  const words = isPhotoMissing
    ? t("The photo of %(trap)s did not arrive. Please take it again.", { trap: trap.name })
    : t("You have not saved your count of %(trap)s.", { trap: trap.name });
  return notice(
    "doubt",
    isPhotoMissing ? "camera" : "again",
    isPhotoMissing ? "draft-lost-photo" : "draft-waiting",
    h("p", {}, words),
    h("div", { class: "two" }, goOn, drop),
  );
}

export async function trapsScreen(): Promise<Screen> {
  const traps = await myTraps();
  void noteReminder(traps);
  const add = button("plus", t("Add a trap"), {
    testid: "add-trap",
    look: traps.length === 0 ? "main" : "plain",
    href: "#/traps/new",
  });
  return {
    testid: "traps",
    title: t("My traps"),
    tab: "traps",
    body: [
      await homeNotices(),
      await unfinished(traps),
      traps.length === 0 &&
        h(
          "div",
          { class: "welcome" },
          icon("delta", "huge"),
          h("p", {}, t("Add your first trap. Then count it with a photo.")),
        ),
      listed(byUrgency(traps, new Date())),
      add,
      traps.length > 1 &&
        h("p", { class: "quiet" }, tn("%(n)s trap", "%(n)s traps", traps.length, { n: number(traps.length) })),
    ],
  };
}
