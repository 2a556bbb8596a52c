/** Between what a model's count probably lies: two numbers at the ends of a bar, to see without reading, and the words. */

import { h } from "../elements";
import { aloud, type Message, number, t } from "../i18n";
import { drawn } from "../icons";
import type { Interval } from "../sync/protocol";

export const rangeWords = ([least, greatest]: Interval): Message =>
  aloud(t("Probably between %(least)s and %(greatest)s", { least, greatest }));

const BAR = '<path d="M2 4v16M70 4v16M2 12h68"/><circle cx="36" cy="12" r="4" fill="currentColor"/>';

/** Says nothing to a screen reader: the words beside it do. */
export function rangeBar([least, greatest]: Interval): HTMLElement {
  const bar = drawn("0 0 72 24", BAR, "icon");
  return h(
    "span",
    { class: "range", testid: "count-range", "aria-hidden": "true" },
    number(least),
    bar,
    number(greatest),
  );
}
