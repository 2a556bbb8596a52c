/** Add or change a trap: mostly pictures to touch, with answers already chosen where most people agree. */

import { type Child, h } from "../elements";
import { type Message, t } from "../i18n";
import { type IconName, icon } from "../icons";
import { append } from "../store/outbox";
import { setting } from "../store/settings";
import { flushSoon } from "../sync/flush";
import { type Crop, instant, type TrapBody, type TrapType } from "../sync/protocol";
import { type MyTrap, myTrap, myTraps } from "../trap/my-traps";
import { pestPicture } from "../trap/pest-picture";
import { cropsOf, isPhotoCounted, PESTS, pestName, usualTrap } from "../trap/pests";
import { placesByState, type StateDistricts } from "../trap/places";
import { CROPS, calendarDate, daysBefore, newTrapId, noonOf, TRAP_TYPES } from "../trap/trap";
import { goInstead, notice, type Screen } from "./frame";

export async function newTrapScreen(): Promise<Screen> {
  return trapForm(null, await myTraps());
}

export async function editTrapScreen(id: string): Promise<Screen> {
  const trap = await myTrap(id);
  return trapForm(trap ?? null, await myTraps());
}

/** One question with pictures to choose from. */
function choice<T extends string>(
  question: Message,
  name: string,
  options: { value: T; picture: Element; words: Child }[],
  chosen: T | null,
  onChoose: (value: T) => void,
): HTMLElement {
  return h(
    "fieldset",
    { class: "choice", testid: `choose-${name}` },
    h("legend", {}, question),
    h(
      "div",
      { class: "tiles" },
      options.map(({ value, picture, words }) =>
        h(
          "label",
          { class: "tile", testid: `${name}-${value}` },
          h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onChoose(value) }),
          picture,
          h("span", {}, words),
        ),
      ),
    ),
  );
}

/** When something was done: a few days to touch, any other day, or not known. */
function dayChoice(
  question: Message,
  name: string,
  picture: IconName,
  days: { value: number; words: Message }[],
  chosen: string | null,
  onChoose: (day: string | null) => void,
): HTMLElement {
  const today = new Date();
  const options = days.map(({ value, words }) => ({ day: calendarDate(daysBefore(today, value)), words }));
  const isListed = chosen === null || options.some(({ day }) => day === chosen);
  const date = h("input", {
    type: "date",
    "aria-label": question,
    max: calendarDate(today),
    value: isListed ? null : chosen,
    testid: `${name}-date`,
    onchange: () => {
      if (!date.value) return;
      for (const radio of date.closest("fieldset")?.querySelectorAll("input[type=radio]") ?? []) {
        (radio as HTMLInputElement).checked = false;
      }
      onChoose(date.value);
    },
  });
  const chip = (value: string | null, words: Message, testid: string): HTMLElement =>
    h(
      "label",
      { class: "chip", testid },
      h("input", {
        type: "radio",
        name,
        value: value ?? "",
        checked: value === chosen,
        onchange: () => {
          date.value = "";
          onChoose(value);
        },
      }),
      h("span", {}, words),
    );
  return h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, icon(picture), question),
    h(
      "div",
      { class: "chips" },
      options.map(({ day, words }, index) => chip(day, words, `${name}-${days[index]?.value}`)),
      chip(null, t("I do not know"), `${name}-unknown`),
      h("label", { class: "chip date" }, h("span", {}, t("Another day")), date),
    ),
  );
}

async function trapForm(existing: MyTrap | null, others: MyTrap[]): Promise<Screen> {
  const last = others[0];
  const region = (await setting("enrolment"))?.region;
  const places = await placesByState();
  const draft: TrapBody = existing
    ? withoutCounts(existing)
    : {
        trap: newTrapId(),
        name: String(t("Trap %(number)s", { number: others.length + 1 })),
        pest: last?.pest ?? "HELIAR",
        crop: last?.crop ?? "cotton",
        trap_type: last?.trap_type ?? usualTrap(last?.pest ?? "HELIAR"),
        district: last?.district ?? districtOrNull(region, places),
        subdistrict: null,
        village: last?.village ?? null,
        lure_changed_on: calendarDate(new Date()),
        emptied_at: instant(new Date()),
        sown_on: null,
      };

  const hint = h("div");
  const cropTiles = h("div");
  const typeTiles = h("div");
  const drawCrops = (): void => {
    const crops = cropsOf(draft.pest);
    if (!crops.includes(draft.crop)) draft.crop = crops[0] ?? "other";
    cropTiles.replaceChildren(
      choice<Crop>(
        t("Which crop?"),
        "crop",
        crops.map((crop) => ({ value: crop, picture: icon(CROPS[crop].icon), words: CROPS[crop].name() })),
        draft.crop,
        (crop) => {
          draft.crop = crop;
        },
      ),
    );
  };
  const drawTypes = (): void => {
    typeTiles.replaceChildren(
      choice<TrapType>(
        t("Which trap?"),
        "type",
        Object.entries(TRAP_TYPES).map(([type, { icon: picture, name }]) => ({
          value: type as TrapType,
          picture: icon(picture),
          words: name(),
        })),
        draft.trap_type,
        (type) => {
          draft.trap_type = type;
        },
      ),
    );
  };
  const drawHint = (): void => {
    hint.replaceChildren(
      ...(isPhotoCounted(draft.pest)
        ? []
        : [
            notice(
              "plain",
              "hand",
              "not-from-photos",
              t("Not counted from photos yet"),
              ". ",
              t("You can count it by hand."),
            ),
          ]),
    );
  };
  const choosePest = (pest: string): void => {
    draft.pest = pest;
    draft.trap_type = usualTrap(pest);
    drawCrops();
    drawTypes();
    drawHint();
  };
  drawCrops();
  drawTypes();
  drawHint();

  const text = (name: "name" | "village", words: Message, maxlength: number): HTMLElement =>
    h(
      "label",
      { class: "written" },
      h("span", {}, words),
      h("input", {
        type: "text",
        maxlength,
        value: draft[name] ?? "",
        testid: `trap-${name}`,
        autocomplete: "off",
        oninput: (event: InputEvent) => {
          const typed = (event.target as HTMLInputElement).value.trim();
          if (name === "village") draft.village = typed || null;
          else if (typed) draft.name = typed;
        },
      }),
    );

  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    await append({ kind: "trap", at: instant(new Date()), body: draft });
    // Asked for once there is something to lose; browsers decide by themselves and mostly without a question.
    void navigator.storage?.persist?.();
    void flushSoon();
    goInstead(existing ? `#/traps/${draft.trap}` : "#/");
  };

  return {
    testid: "new-trap",
    title: existing ? t("Change the trap") : t("Add a trap"),
    back: existing ? `#/traps/${existing.trap}` : "#/",
    body: h(
      "form",
      { onsubmit: save, novalidate: true },
      choice<string>(
        t("Which insect?"),
        "pest",
        PESTS.map((pest) => ({ value: pest, picture: pestPicture(pest), words: pestName(pest) })),
        draft.pest,
        choosePest,
      ),
      hint,
      cropTiles,
      dayChoice(
        t("When was the trap last emptied?"),
        "emptied",
        "empty",
        [
          { value: 0, words: t("Today, or new") },
          { value: 1, words: t("Yesterday") },
          { value: 3, words: t("3 days ago") },
          { value: 7, words: t("1 week ago") },
        ],
        draft.emptied_at && calendarDate(new Date(draft.emptied_at)),
        (day) => {
          // Noon, or now if noon is yet to come: nothing was emptied in the future.
          draft.emptied_at = day && instant(new Date(Math.min(noonOf(day).getTime(), Date.now())));
        },
      ),
      dayChoice(
        t("When was the lure put in?"),
        "lure",
        "lure",
        [
          { value: 0, words: t("Today") },
          { value: 7, words: t("1 week ago") },
          { value: 14, words: t("2 weeks ago") },
        ],
        draft.lure_changed_on,
        (day) => {
          draft.lure_changed_on = day;
        },
      ),
      typeTiles,
      h(
        "section",
        { class: "card" },
        h(
          "label",
          { class: "written" },
          h("span", {}, icon("place"), t("District")),
          h(
            "select",
            {
              testid: "trap-district",
              onchange: (event: Event) => {
                draft.district = (event.target as HTMLSelectElement).value || null;
              },
            },
            h("option", { value: "" }, t("Not given").text),
            places.map(({ state, districts }) =>
              h(
                "optgroup",
                { label: state },
                districts.map(({ id, name }) => h("option", { value: id, selected: id === draft.district }, name)),
              ),
            ),
          ),
        ),
        text("village", t("Village (if you like)"), 60),
        text("name", t("Name of the trap"), 60),
      ),
      h(
        "div",
        { class: "save-bar" },
        h(
          "button",
          { type: "submit", class: "button main", testid: "save-trap" },
          icon("check"),
          h("span", {}, t("Save")),
        ),
      ),
    ),
  };
}

/** A phone that is enrolled in a district most likely hangs its traps there. */
function districtOrNull(region: string | undefined, places: StateDistricts[]): string | null {
  return places.some(({ districts }) => districts.some(({ id }) => id === region)) ? (region ?? null) : null;
}

function withoutCounts({ counts: _, ...body }: MyTrap): TrapBody {
  return body;
}
