/** The number: large, with the marked photo, easy to correct; then save. Counting by hand is the same screen without a photo. */

import { photoButton } from "../camera";
import { type Child, fillWith, h } from "../elements";
import { type Message, number, t } from "../i18n";
import { type IconName, icon } from "../icons";
import { asProblem } from "../problem";
import type { Draft } from "../store/database";
import { keepDraft } from "../store/draft";
import { appendObservation } from "../store/outbox";
import { setting } from "../store/settings";
import { flushSoon } from "../sync/flush";
import type { Gate } from "../sync/protocol";
import type { MyTrap } from "../trap/my-traps";
import { pestPicture } from "../trap/pest-picture";
import { isPhotoCounted, pestName } from "../trap/pests";
import { calendarDate, daysBetween } from "../trap/trap";
import { button, goInstead, notice, redraw, type Screen, say } from "./frame";
import { markedPhoto } from "./marked-photo";
import { rangeBar, rangeWords } from "./range";

/** The most that one trap can hold; the server refuses more. */
const MOST = 5000;

const GATE_WORDS: Record<NonNullable<Gate["reason"]>, { icon: IconName; words: () => Message }> = {
  not_a_trap: {
    icon: "question",
    words: () => t("This does not look like a trap. Take the photo of the sticky side, or from above into the funnel."),
  },
  too_dark: { icon: "dark", words: () => t("The photo is too dark. Turn the trap towards the light.") },
  too_bright: { icon: "sun", words: () => t("The photo is too bright. Make a shadow with your body.") },
  too_blurred: { icon: "blur", words: () => t("The photo is not sharp. Hold the phone still.") },
  too_far: { icon: "far", words: () => t("The trap is too far away. Go closer, until it fills the photo.") },
  cut_off: { icon: "traps", words: () => t("Part of the trap is missing. Move until the whole trap is in the photo.") },
  saturated: {
    icon: "empty",
    words: () => t("The trap is so full that insects lie over one another. Change the liner or empty the trap today."),
  },
};

export async function resultScreen(draft: Draft, trap: MyTrap): Promise<Screen> {
  const sendsPhotos = ((await setting("send_photos")) ?? false) && ((await setting("consent"))?.agreed ?? false);
  const counted = draft.counted?.counts[trap.pest] ?? 0;
  const range = draft.counted?.intervals?.[trap.pest];
  let saving = false;
  // A draft that is kept while it is being saved would come back as a second count.
  const changed = (): void => {
    if (!saving) void keepDraft(draft);
  };
  const shown = (): number => draft.corrected ?? counted;

  const output = h("output", { class: "count-number", testid: "count-number", "aria-live": "polite" });
  const whose = h("p", { class: "quiet", testid: "count-by" });
  const draw = (): void => {
    output.value = number(shown());
    const isModels = draft.counted !== null && draft.corrected === null;
    whose.replaceChildren();
    if (!isModels) fillWith(whose, t("Counted by you"));
    else fillWith(whose, range && rangeBar(range), t("Counted by the phone"), range && [" · ", rangeWords(range)]);
  };
  const change = (by: number): void => {
    draft.corrected = Math.min(MOST, Math.max(0, shown() + by));
    draw();
    changed();
  };
  draw();

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

  return {
    testid: "result",
    title: t("How many?"),
    back: "#/",
    body: [
      draft.photo && draft.counted ? markedPhoto(draft.photo, draft.counted.marks, trap.pest) : null,
      gateNotice(draft, trap),
      h(
        "p",
        { class: "subject" },
        pestPicture(trap.pest),
        h("span", {}, h("strong", {}, pestName(trap.pest)), " · ", trap.name),
      ),
      draft.source === "hand" &&
        !isPhotoCounted(trap.pest) &&
        h("p", { class: "quiet", testid: "not-from-photos" }, t("Not counted from photos yet")),
      stepper,
      tens,
      whose,
      others(draft, trap.pest),
      nightsRow(draft, changed),
      emptiedRow(draft, changed),
      h(
        "div",
        { class: "save-bar" },
        button("check", t("Save"), { testid: "save-count", look: "main", onclick: save }),
      ),
    ],
  };
}

/** Writes the observation, and beside it the correction if the model's number was changed. */
async function saveDraft(draft: Draft, trap: MyTrap, sendsPhotos: boolean): Promise<void> {
  const { counted, corrected, source } = draft;
  const isPhoto = source === "photo" && counted !== null;
  const differs = isPhoto && corrected !== null && corrected !== (counted.counts[trap.pest] ?? 0);
  await appendObservation(
    {
      kind: "observation",
      at: draft.begun_at,
      body: {
        trap: trap.trap,
        taken_at: draft.begun_at,
        source: isPhoto ? "photo" : "hand",
        counts: isPhoto ? counted.counts : { [trap.pest]: corrected ?? 0 },
        nights: draft.nights,
        emptied: draft.emptied,
        lure_age_days: lureAge(trap, new Date(draft.begun_at)),
        model: isPhoto ? counted.model : null,
        gate: isPhoto ? counted.gate : null,
        ...(isPhoto && { intervals: counted.intervals }),
        photo: isPhoto && sendsPhotos ? draft.sha256 : null, // the name of a photo that stays here says nothing
        photo_consent: isPhoto && sendsPhotos,
        decoded_scale: isPhoto ? counted.decoded_scale : null,
        ...(isPhoto && sendsPhotos && { marks: counted.marks.map(({ x, y, species }) => ({ x, y, species })) }),
      },
    },
    differs ? { [trap.pest]: corrected } : null,
    draft.photo,
  );
}

function lureAge({ lure_changed_on }: MyTrap, at: Date): number | null {
  return lure_changed_on === null ? null : Math.max(0, daysBetween(lure_changed_on, calendarDate(at)));
}

function round(picture: IconName, words: Message, testid: string, onclick: () => void): HTMLElement {
  return h("button", { type: "button", class: "button round", testid, "aria-label": words, onclick }, icon(picture));
}

/** What else the model saw: told, never added to the trap's own insect. */
function others(draft: Draft, pest: string): Child {
  const rest = Object.entries(draft.counted?.counts ?? {}).filter(([species, n]) => species !== pest && n > 0);
  if (rest.length === 0) return null;
  return h(
    "p",
    { class: "quiet", testid: "other-counts" },
    t("Also seen:"),
    rest.map(([species, n]) => [" ", pestName(species), " ", number(n)]),
  );
}

/** A doubtful photo is explained and marked; whoever wants to keep it does. */
function gateNotice(draft: Draft, trap: MyTrap): Child {
  const gate = draft.counted?.gate;
  if (!gate?.reason || gate.verdict === "good") return null;
  const { icon: picture, words } = GATE_WORDS[gate.reason];
  return notice(
    "doubt",
    picture,
    `gate-${gate.verdict}`,
    h("p", {}, words()),
    h("p", {}, t("Take it again, or correct the number and save.")),
    photoButton({
      from: "camera",
      trap: trap.trap,
      nights: draft.nights,
      onPhoto: redraw,
      onProblem: (problem) => say(t(problem.message, problem.params)),
    }),
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
    h("p", {}, icon("empty"), h("span", {}, t("Did you empty the trap now?"))),
    h("div", { class: "two" }, yes, no),
  );
}
