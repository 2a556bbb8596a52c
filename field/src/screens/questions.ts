/** Questions that are answered by touching: pictures, and days. */

import { type Child, h } from "../elements";
import { dateText, type Message, t } from "../i18n";
import { type IconName, icon } from "../icons";
import type { CalendarDate } from "../sync/protocol";
import { calendarDate, daysBefore, noonOf } from "../trap/trap";

export interface Option<T> {
  value: T;
  picture: Element;
  words: Child;
}

/** One question with pictures to choose from. */
export function pictureQuestion<T extends string>(
  question: Message,
  name: string,
  options: Option<T>[],
  chosen: T,
  onChoose: (value: T) => void,
): HTMLElement {
  const tiles = options.map(({ value, picture, words }) =>
    h(
      "label",
      { class: "tile", testid: `${name}-${value}` },
      h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onChoose(value) }),
      picture,
      h("span", {}, words),
    ),
  );
  return h("fieldset", { class: "choice" }, h("legend", {}, question), h("div", { class: "tiles" }, tiles));
}

interface DayQuestion {
  question: Message;
  name: string;
  picture: IconName;
  /** How many days ago, and how people say it. */
  days: { ago: number; words: Message | string }[];
  /** Whether a person may say that nobody knows. */
  unknown?: boolean;
  chosen: CalendarDate | null;
  onChoose: (day: CalendarDate | null) => void;
}

/** When something was done: a few days to touch, any other day from the calendar, or not known. */
export function dayQuestion({
  question,
  name,
  picture,
  days,
  unknown = true,
  chosen,
  onChoose,
}: DayQuestion): HTMLElement {
  const today = new Date();
  const chip = (value: CalendarDate | null, words: Message | string, testid: string): HTMLElement => {
    const onchange = (): void => onChoose(value);
    const radio = h("input", { type: "radio", name, value: value ?? "", checked: value === chosen, onchange });
    return h("label", { class: "chip", testid }, radio, h("span", {}, words));
  };
  const listed = days.map(({ ago, words }) => ({ ago, words, day: calendarDate(daysBefore(today, ago)) }));
  const isOther = chosen !== null && listed.every(({ day }) => day !== chosen);
  return h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, icon(picture), question),
    h(
      "div",
      { class: "chips" },
      listed.map(({ ago, words, day }) => chip(day, words, `${name}-${ago}`)),
      unknown && chip(null, t("I do not know"), `${name}-unknown`),
      otherDay(name, isOther ? chosen : null, onChoose),
    ),
  );
}

/**
 * A day from the calendar. What is chosen stands there as day, month's name, year: the browser's own field would show
 * it in digits, which people read in two ways.
 */
function otherDay(name: string, chosen: CalendarDate | null, onChoose: (day: CalendarDate) => void): HTMLElement {
  const words = h("span", {}, chosen ? dateText(noonOf(chosen)) : t("Another day"));
  const radio = h("input", {
    type: "radio",
    name,
    value: "other",
    checked: chosen !== null,
    tabindex: -1,
    "aria-hidden": "true",
  });
  const date: HTMLInputElement = h("input", {
    type: "date",
    max: calendarDate(new Date()),
    value: chosen,
    "aria-label": t("Another day"),
    testid: `${name}-date`,
    onclick: () => date.showPicker?.(),
    onchange: () => {
      if (!date.value) return;
      radio.checked = true;
      words.textContent = dateText(noonOf(date.value));
      onChoose(date.value);
    },
  });
  return h("div", { class: "chip date" }, radio, icon("calendar"), words, date);
}

export function textInput(testid: string, value: string, onType: (typed: string) => void): HTMLInputElement {
  const input: HTMLInputElement = h("input", {
    type: "text",
    maxlength: 60,
    autocomplete: "off",
    value,
    testid,
    oninput: () => onType(input.value.trim()),
  });
  return input;
}

export function written(words: Message, input: HTMLElement): HTMLElement {
  return h("label", { class: "written" }, h("span", {}, words), input);
}
