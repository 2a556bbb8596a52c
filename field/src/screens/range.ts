/** Between what a model's count probably lies: two numbers at the ends of a bar, to see without reading; and the words. */

import { h } from "../elements";
import { type Message, number, t } from "../i18n";
import { icon } from "../icons";
import type { Interval } from "../sync/protocol";

export const rangeWords = ([least, greatest]: Interval): Message =>
  t("Probably between %(least)s and %(greatest)s", { least, greatest });

export function rangeBar(interval: Interval): HTMLElement {
  const [least, greatest] = interval;
  return h(
    "span",
    { class: "range", testid: "count-range", role: "img", "aria-label": rangeWords(interval) },
    number(least),
    icon("range"),
    number(greatest),
  );
}
