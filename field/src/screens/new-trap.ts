/** Add or change a trap: mostly pictures to touch, with answers already chosen where most people agree. */

import { h } from "../elements";
import { type Message, t, tn } from "../i18n";
import { icon } from "../icons";
import { append } from "../store/outbox";
import { setting } from "../store/settings";
import { flushSoon } from "../sync/flush";
import { type Crop, instant, type TrapBody, type TrapType } from "../sync/protocol";
import { descriptionOf, myTrap, myTraps } from "../trap/my-traps";
import { pestPicture } from "../trap/pest-picture";
import { isPhotoCounted, lureIsGuess, pestName, pestsOf, usualTrap } from "../trap/pests";
import { placesByState, type StateDistricts } from "../trap/places";
import { CROPS, calendarDate, newTrapId, noonOf, TRAP_TYPES } from "../trap/trap";
import { goInstead, notice, type Screen } from "./frame";
import { dayQuestion, pictureQuestion, textInput, written } from "./questions";
import { placeQuestions } from "./trap-place";

export async function newTrapScreen(): Promise<Screen> {
  const [places, others, enrolment] = await Promise.all([placesByState(), myTraps(), setting("enrolment")]);
  const last = others[0];
  const crop = last?.crop ?? "cotton";
  const pest = last?.pest ?? (pestsOf(crop)[0] as string);
  const now = new Date();
  return trapForm(
    {
      trap: newTrapId(),
      name: String(t("Trap %(number)s", { number: others.length + 1 })),
      pest,
      crop,
      trap_type: last?.trap_type ?? usualTrap(pest),
      district: last?.district ?? districtOrNull(enrolment?.region, places),
      subdistrict: last?.subdistrict ?? null,
      village: last?.village ?? null,
      lure_changed_on: calendarDate(now),
      emptied_at: instant(now),
      sown_on: last?.crop === crop ? last.sown_on : null,
    },
    places,
    { title: t("Add a trap"), back: "#/" },
  );
}

export async function editTrapScreen(id: string): Promise<Screen | null> {
  const [places, trap] = await Promise.all([placesByState(), myTrap(id)]);
  if (!trap) return null;
  return trapForm(descriptionOf(trap), places, { title: t("Change the trap"), back: `#/traps/${id}` });
}

/** A phone that is enrolled in a district most likely hangs its traps there. */
function districtOrNull(region: string | undefined, places: StateDistricts[]): string | null {
  return places.some(({ districts }) => districts.some(({ id }) => id === region)) ? (region ?? null) : null;
}

interface Place {
  title: Message;
  back: string;
}

/** The form writes into `draft`; saving makes it a fact. */
function trapForm(draft: TrapBody, places: StateDistricts[], { title, back }: Place): Screen {
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    await append({ kind: "trap", at: instant(new Date()), body: draft });
    // Asked for once there is something to lose; browsers decide by themselves and mostly without a question.
    void navigator.storage?.persist?.();
    void flushSoon();
    goInstead(back);
  };
  const saveButton = h(
    "button",
    { type: "submit", class: "button main", testid: "save-trap" },
    icon("check"),
    h("span", {}, t("Save")),
  );
  const lasts = h("div");
  const drawLasts = (): void => {
    // What one lure's packet says is not said of another's.
    if (!lureIsGuess(draft.pest)) delete draft.lure_life_days;
    const question = lureLasts(draft);
    lasts.replaceChildren(...(question ? [question] : []));
  };
  drawLasts();
  return {
    testid: "new-trap",
    title,
    back,
    body: h(
      "form",
      { onsubmit: save, novalidate: true },
      whatItCatches(draft, drawLasts),
      whenServiced(draft),
      lasts,
      sown(draft),
      h("section", { class: "card" }, placeQuestions(draft, places), trapName(draft)),
      h("div", { class: "save-bar" }, saveButton),
    ),
  };
}

/** Crop, then the insects of that crop, then the trap that is usual for the insect: each answer narrows the next. */
function whatItCatches(draft: TrapBody, onPest: () => void): HTMLElement[] {
  const pests = h("div");
  const types = h("div");
  const drawTypes = (): void => {
    const options = Object.entries(TRAP_TYPES).map(([type, kind]) => ({
      value: type as TrapType,
      picture: icon(kind.icon),
      words: kind.name(),
    }));
    types.replaceChildren(
      pictureQuestion(t("Which trap?"), "type", options, draft.trap_type, (type) => {
        draft.trap_type = type;
      }),
    );
  };
  const hint = h("div");
  const drawHint = (): void => {
    const words = [h("p", {}, t("Not counted from photos yet")), h("p", {}, t("You can count it by hand."))];
    hint.replaceChildren(...(isPhotoCounted(draft.pest) ? [] : [notice("plain", "hand", "not-from-photos", words)]));
  };
  const choosePest = (pest: string): void => {
    draft.pest = pest;
    draft.trap_type = usualTrap(pest);
    drawHint();
    drawTypes();
    onPest();
  };
  const drawPests = (): void => {
    const options = pestsOf(draft.crop).map((pest) => ({
      value: pest,
      picture: pestPicture(pest),
      words: pestName(pest),
    }));
    pests.replaceChildren(pictureQuestion(t("Which insect?"), "pest", options, draft.pest, choosePest));
  };
  const crops = Object.entries(CROPS).map(([crop, kind]) => ({
    value: crop as Crop,
    picture: icon(kind.icon),
    words: kind.name(),
  }));
  const chooseCrop = (crop: Crop): void => {
    draft.crop = crop;
    const possible = pestsOf(crop);
    if (!possible.includes(draft.pest)) choosePest(possible[0] as string);
    drawPests();
  };
  drawPests();
  drawHint();
  drawTypes();
  return [pictureQuestion(t("Which crop?"), "crop", crops, draft.crop, chooseCrop), pests, hint, types];
}

function whenServiced(draft: TrapBody): HTMLElement[] {
  return [
    dayQuestion({
      question: t("When was the trap last emptied?"),
      name: "emptied",
      picture: "empty",
      days: [
        { ago: 0, words: t("Today, or new") },
        { ago: 1, words: t("Yesterday") },
        { ago: 3, words: t("3 days ago") },
        { ago: 7, words: t("1 week ago") },
      ],
      chosen: draft.emptied_at && calendarDate(new Date(draft.emptied_at)),
      onChoose: (day) => {
        // Noon, or now if noon is yet to come: nothing was emptied in the future.
        draft.emptied_at = day && instant(new Date(Math.min(noonOf(day).getTime(), Date.now())));
      },
    }),
    dayQuestion({
      question: t("When was the lure put in?"),
      name: "lure",
      picture: "lure",
      days: [
        { ago: 0, words: t("Today") },
        { ago: 7, words: t("1 week ago") },
        { ago: 14, words: t("2 weeks ago") },
      ],
      chosen: draft.lure_changed_on,
      onChoose: (day) => {
        draft.lure_changed_on = day;
      },
    }),
  ];
}

function sown(draft: TrapBody): HTMLElement {
  return dayQuestion({
    question: t("When was the crop sown?"),
    name: "sown",
    picture: "leaf",
    days: [
      { ago: 30, words: t("1 month ago") },
      { ago: 60, words: t("2 months ago") },
      { ago: 90, words: t("3 months ago") },
    ],
    chosen: draft.sown_on,
    onChoose: (day) => {
      draft.sown_on = day;
    },
  });
}

/** Asked only where our own number is a guess; where nobody says anything, that guess goes on. */
function lureLasts(draft: TrapBody): HTMLElement | null {
  if (!lureIsGuess(draft.pest)) return null;
  const chip = (days: number | null, words: Message, testid: string): HTMLElement => {
    const checked = (draft.lure_life_days ?? null) === days;
    const onchange = (): void => {
      draft.lure_life_days = days;
    };
    return h(
      "label",
      { class: "chip", testid },
      h("input", { type: "radio", name: "lasts", checked, onchange }),
      h("span", {}, words),
    );
  };
  const days = [15, 21, 30, 45, 60, 90];
  return h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, icon("lure"), t("How long does the lure last? Its packet says it.")),
    h(
      "div",
      { class: "chips" },
      days.map((n) => chip(n, tn("%(n)s day", "%(n)s days", n), `lasts-${n}`)),
      chip(null, t("I do not know"), "lasts-unknown"),
    ),
  );
}

function trapName(draft: TrapBody): HTMLElement {
  const input = textInput("trap-name", draft.name, (typed) => {
    // A trap without a name could not be told from the others.
    if (typed) draft.name = typed;
  });
  return written(t("Name of the trap"), input);
}
