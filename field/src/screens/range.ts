/** Between what a model's count probably lies: two numbers at the ends of a bar, to see without reading, and the words. */

import { h } from "../elements";
import { aloud, type Message, number, t } from "../i18n";
import { drawn } from "../icons";
import type { Interval } from "../sync/protocol";

export const rangeWords = ([least, greatest]: Interval): Message =>
  aloud(t("Probably between %(least)s and %(greatest)s", { least, greatest }));

/** Ends of the bar. */
const LEFT = 2;
const RIGHT = 70;

/** The count stands where it lies between the two. Says nothing to a screen reader: the words beside it do. */
export function rangeBar([least, greatest]: Interval, count: number): HTMLElement {
  const share = greatest > least ? Math.min(1, Math.max(0, (count - least) / (greatest - least))) : 0.5;
  const at = LEFT + share * (RIGHT - LEFT);
  const bar = drawn(
    "-3 0 78 24",
    `<path d="M${LEFT} 4v16M${RIGHT} 4v16M${LEFT} 12h${RIGHT - LEFT}"/><circle cx="${at.toFixed(1)}" cy="12" r="4" fill="currentColor"/>`,
    "icon",
  );
  return h(
    "span",
    { class: "range", testid: "count-range", "aria-hidden": "true" },
    number(least),
    bar,
    number(greatest),
  );
}
