/**
 * The number: large, with the marked photo, easy to correct; then save. Counting by hand is the same screen without a photo.
 *
 * What is saved stands forever, so a person says so, with a button that shows what else it says: nights, and emptied or not.
 */

import { type Child, fillWith, h } from "../elements";
import { type Message, number, t } from "../i18n";
import { type IconName, icon } from "../icons";
import { editedMarks } from "../photo/mark-edits";
import { asProblem } from "../problem";
import type { Draft } from "../store/database";
import { keepDraft } from "../store/draft";
import { appendObservation, type Recount } from "../store/outbox";
import { setting } from "../store/settings";
import { flushSoon } from "../sync/flush";
import type { Counts } from "../sync/protocol";
import { lureAgeOn, type MyTrap } from "../trap/my-traps";
import { pestPicture } from "../trap/pest-picture";
import { isPhotoCounted, pestName } from "../trap/pests";
import { countText, isUncounted, isUnknown } from "../trap/trap";
import { button, goInstead, type Screen, say } from "./frame";
import { gateNotice, photoAgain } from "./gate-notice";
import { rangeBar, rangeWords } from "./range";
import { takenDayRow } from "./taken-day";

/** The most that one trap can hold; the server refuses more. */
const MOST = 5000;

export type Counted = NonNullable<Draft["counted"]>;

export async function resultScreen(draft: Draft, trap: MyTrap): Promise<Screen> {
  const sendsPhotos = ((await setting("send_photos")) ?? false) && ((await setting("consent"))?.agreed ?? false);
  const range = draft.counted?.intervals?.[trap.pest];
  let saving = false;
  const said = h("span", { class: "also-said", "aria-hidden": "true" }, alsoSaid(draft));
  // A draft that is kept while it is being saved would come back as a second count.
  const changed = (): void => {
    said.replaceChildren(...alsoSaid(draft));
    if (!saving) void keepDraft(draft);
  };

  const output = h("output", { class: "count-number", testid: "count-number", "aria-live": "polite" });
  const whose = h("p", { class: "quiet", testid: "count-by" });
  const draw = (): void => {
    const shown = numberOf(draft, trap.pest);
    output.value = shown === null ? "?" : number(shown);
    whose.replaceChildren();
    if (shown === null) fillWith(whose, countText({ count: 0, gate: draft.counted?.gate ?? null }));
    else if (draft.counted === null || draft.corrected !== null) fillWith(whose, t("Counted by you"));
    else
      fillWith(whose, range && rangeBar(range, shown), t("Counted by the phone"), range && [" · ", rangeWords(range)]);
  };
  const set = (corrected: number | null): void => {
    draft.corrected = corrected;
    draw();
    changed();
  };
  const change = (by: number): void => set(Math.min(MOST, Math.max(0, (numberOf(draft, trap.pest) ?? 0) + by)));
  draw();
  const { photo, counted } = draft;
  // It comes with the counter: no photo is counted before.
  const { markEditor } = (photo && counted && (await import("./mark-editor").catch(() => null))) || {};
  const marked = (photo && counted && markEditor?.(draft, photo, counted, trap.pest, { change, set })) || null;

  const stepper = h(
    "div",
    { class: "stepper" },
    round("minus", t("One less"), "count-minus", () => change(-1)),
    output,
    round("plus", t("One more"), "count-plus", () => change(1)),
  );
  const tens =
    draft.source === "hand" &&
    h(
      "div",
      { class: "two" },
      button(null, t("10 less"), { testid: "count-minus-10", onclick: () => change(-10) }),
      button(null, t("10 more"), { testid: "count-plus-10", onclick: () => change(10) }),
    );

  const subject = h(
    "p",
    { class: "subject" },
    pestPicture(trap.pest),
    h("span", {}, h("strong", {}, pestName(trap.pest)), " · ", trap.name),
  );
  const untaught =
    draft.source === "hand" &&
    !isPhotoCounted(trap.pest) &&
    h("p", { class: "quiet", testid: "not-from-photos" }, t("Not counted from photos yet"));

  const save = async (): Promise<void> => {
    if (saving) return;
    saving = true;
    try {
      await saveDraft(draft, trap, sendsPhotos);
      void flushSoon();
      goInstead(`#/traps/${trap.trap}/advice`);
    } catch (error) {
      saving = false;
      const problem = asProblem(error);
      say(t(problem.message, problem.params));
    }
  };

  const saveButton = button("check", t("Save"), { testid: "save-count", look: "main", onclick: save });
  saveButton.append(said);
  const doubts = gateNotice(draft);

  return {
    testid: "result",
    // Of a photo one asks first of which trap it is.
    title: marked ? trap.name : t("How many?"),
    back: "#/",
    ...(marked && { leave: marked.leave }),
    body: [
      doubts,
      marked?.body,
      marked ? [stepper, whose, subject] : [subject, untaught, stepper, tens, whose],
      others(draft, trap.pest),
      takenDayRow(draft, trap),
      nightsRow(draft, changed),
      emptiedRow(draft, changed),
      h("div", { class: "save-bar" }, marked && !doubts && photoAgain(draft), saveButton),
    ],
  };
}

/** The number on the screen: a person's, else the phone's; null where neither has counted. */
function numberOf({ corrected, counted }: Pick<Draft, "corrected" | "counted">, pest: string): number | null {
  const count = counted?.counts[pest] ?? 0;
  return corrected ?? (counted && isUnknown({ count, gate: counted.gate }) ? null : count);
}

/** Writes the observation, and beside it the correction if a person changed the number or the marks. */
async function saveDraft(draft: Draft, trap: MyTrap, sendsPhotos: boolean): Promise<void> {
  const { counted, corrected, source } = draft;
  const isPhoto = source === "photo" && counted !== null;
  await appendObservation(
    {
      kind: "observation",
      at: draft.begun_at,
      body: {
        trap: trap.trap,
        taken_at: draft.taken_at ?? draft.begun_at,
        source: isPhoto ? "photo" : "hand",
        // A rejected photo was not counted: it has no number, not even 0.
        counts: isPhoto ? (isUncounted(counted) ? {} : counted.counts) : { [trap.pest]: corrected ?? 0 },
        nights: draft.nights,
        emptied: draft.emptied,
        lure_age_days: lureAgeOn(trap, new Date(draft.taken_at ?? draft.begun_at)),
        model: isPhoto ? counted.model : null,
        gate: isPhoto ? counted.gate : null,
        ...(isPhoto && { intervals: counted.intervals }),
        photo: isPhoto && sendsPhotos ? draft.sha256 : null, // the name of a photo that stays here says nothing
        photo_consent: isPhoto && sendsPhotos,
        decoded_scale: isPhoto ? counted.decoded_scale : null,
        ...(isPhoto && sendsPhotos && { marks: counted.marks.map(({ x, y, species }) => ({ x, y, species })) }),
      },
    },
    isPhoto ? correctionOf(draft, counted, trap.pest, sendsPhotos) : null,
    draft.photo,
  );
}

/** Marks go along where they are as many as the number says, and where the photo may be sent: without it nobody needs them. */
function correctionOf(
  { corrected, edits = [] }: Draft,
  counted: Counted,
  pest: string,
  sendsPhotos: boolean,
): Recount | null {
  if (corrected === null) return null;
  if (edits.length === 0) {
    return corrected === numberOf({ corrected: null, counted }, pest)
      ? null
      : { counts: { [pest]: corrected }, marks: null };
  }
  const marks = editedMarks(counted.marks, edits);
  const counts: Counts = {
    ...Object.fromEntries(Object.keys(counted.counts).map((species) => [species, 0])),
    [pest]: 0,
  };
  for (const { species } of marks) counts[species] = (counts[species] ?? 0) + 1;
  const isComplete = counts[pest] === corrected;
  return { counts: { ...counts, [pest]: corrected }, marks: isComplete && sendsPhotos ? marks : null };
}

/** Nights and emptied, as they stand: the questions lie below the photo, and nobody has to scroll to see their answers. */
function alsoSaid({ nights, emptied }: Draft): Node[] {
  const counted = h("span", {}, nights === null ? "?" : number(nights));
  return [icon("dark", "small"), counted, icon("empty", "small"), icon(emptied ? "check" : "cross", "small")];
}

function round(picture: IconName, words: Message, testid: string, onclick: () => void): HTMLElement {
  return h("button", { type: "button", class: "button round", testid, "aria-label": words, onclick }, icon(picture));
}

/** What else the model saw: told, never added to the trap's own insect. Where it could not see that one, nothing. */
function others(draft: Draft, pest: string): Child {
  if (numberOf({ corrected: null, counted: draft.counted }, pest) === null) return null;
  const rest = Object.entries(draft.counted?.counts ?? {}).filter(([species, n]) => species !== pest && n > 0);
  if (rest.length === 0) return null;
  return h(
    "p",
    { class: "quiet", testid: "other-counts" },
    t("Also seen:"),
    rest.map(([species, n]) => [" ", pestName(species), " ", number(n)]),
  );
}

function nightsRow(draft: Draft, changed: () => void): HTMLElement {
  const output = h("output", { class: "small-number", testid: "nights-number", "aria-live": "polite" });
  const draw = (): void => {
    output.value = draft.nights === null ? "?" : number(draft.nights);
  };
  const change = (by: number): void => {
    const nights = Math.min(120, (draft.nights ?? 0) + by);
    draft.nights = nights > 0 ? nights : null;
    draw();
    changed();
  };
  draw();
  return h(
    "section",
    { class: "asked" },
    h("p", {}, icon("dark"), h("span", {}, t("Nights since it was last emptied"))),
    h(
      "div",
      { class: "stepper small" },
      round("minus", t("One night less"), "nights-minus", () => change(-1)),
      output,
      round("plus", t("One night more"), "nights-plus", () => change(1)),
    ),
  );
}

function emptiedRow(draft: Draft, changed: () => void): HTMLElement {
  const choose = (emptied: boolean): void => {
    draft.emptied = emptied;
    yes.setAttribute("aria-pressed", String(emptied));
    no.setAttribute("aria-pressed", String(!emptied));
    changed();
  };
  const yes = button("check", t("Yes"), { testid: "emptied-yes", pressed: draft.emptied, onclick: () => choose(true) });
  const no = button("cross", t("No"), { testid: "emptied-no", pressed: !draft.emptied, onclick: () => choose(false) });
  return h(
    "section",
    { class: "asked" },
    h(
      "p",
      {},
      icon("empty"),
      h("span", {}, draft.taken_at ? t("Did you empty the trap then?") : t("Did you empty the trap now?")),
    ),
    h("div", { class: "two" }, yes, no),
  );
}
