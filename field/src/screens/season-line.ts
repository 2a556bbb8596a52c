/** Catch per night over the season as one line, with the threshold as a dashed one. Hand-made SVG. */

import { type Child, h } from "../elements";
import { dateText, number, t } from "../i18n";
import { drawn } from "../icons";
import type { Count } from "../trap/my-traps";
import { isUncounted } from "../trap/trap";

const WIDTH = 320;
const HEIGHT = 150;
const LEFT = 8;
const RIGHT = 8;
const TOP = 14;
const BOTTOM = 12;

/** Points of the line; counts without a known exposure are left out, as nothing can be said per night. */
export function linePoints(
  counts: Count[],
  threshold: number | null,
): { points: { x: number; y: number; rate: number }[]; top: number } {
  const known = counts.flatMap(({ taken_at, count, nights, gate }) =>
    nights && !isUncounted({ gate }) ? [{ at: Date.parse(taken_at), rate: count / nights }] : [],
  );
  const top = Math.max(1, threshold ?? 0, ...known.map(({ rate }) => rate)) * 1.1;
  const first = known[0]?.at ?? 0;
  const span = Math.max(1, (known.at(-1)?.at ?? 0) - first);
  const points = known.map(({ at, rate }) => ({
    x: known.length === 1 ? WIDTH / 2 : LEFT + ((at - first) / span) * (WIDTH - LEFT - RIGHT),
    y: heightOf(rate, top),
    rate,
  }));
  return { points, top };
}

const heightOf = (rate: number, top: number): number => HEIGHT - BOTTOM - (rate / top) * (HEIGHT - TOP - BOTTOM);

export function seasonLine(counts: Count[], threshold: number | null): Child {
  const { points, top } = linePoints(counts, threshold);
  const last = points.at(-1);
  if (!last) return null;
  const n = (value: number): string => value.toFixed(1);
  const limit =
    threshold === null
      ? ""
      : `<line class="limit" x1="0" x2="${WIDTH}" y1="${n(heightOf(threshold, top))}" y2="${n(heightOf(threshold, top))}"/>`;
  const dots = points.map(({ x, y }) => `<circle cx="${n(x)}" cy="${n(y)}" r="4.5"/>`).join("");
  const path = points.map(({ x, y }) => `${n(x)},${n(y)}`).join(" ");
  const svg = drawn(
    `0 0 ${WIDTH} ${HEIGHT}`,
    `<line class="ground" x1="0" x2="${WIDTH}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}"/>${limit}<polyline points="${path}"/>${dots}`,
    "season",
  );
  const known = counts.filter(({ nights }) => nights);
  const day = (count: Count | undefined): string => (count ? dateText(new Date(count.taken_at)) : "");
  return h(
    "figure",
    { class: "season-figure", testid: "season-line" },
    h("figcaption", {}, h("strong", {}, t("Insects each night: %(rate)s", { rate: last.rate }))),
    svg,
    h("p", { class: "axis" }, h("span", {}, day(known[0])), known.length > 1 && h("span", {}, day(known.at(-1)))),
    threshold !== null &&
      h(
        "p",
        { class: "legend" },
        h("span", { class: "dash" }),
        t("Inspect the plants from: %(limit)s each night", { limit: number(threshold) }),
      ),
  );
}
