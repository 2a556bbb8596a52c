/**
 * Catch per night over the season as one line, with the threshold as a dashed one. Hand-made SVG.
 *
 * A whisker says between what the model's number lies; the line breaks where nobody counted; a ring is a person's recount,
 * a square was written down later. Nothing is drawn for a count that says nothing.
 */

import { DAY_MS, rateOf } from "../advice/reading";
import { type Child, h } from "../elements";
import { dateText, type Message, number, t } from "../i18n";
import { drawn } from "../icons";
import type { Count } from "../trap/my-traps";
import { calendarDate, isUnknown } from "../trap/trap";

const WIDTH = 320;
const HEIGHT = 170;
const LEFT = 12;
const RIGHT = 12;
const TOP = 18;
const BOTTOM = 12;
/** Scouts count twice a week: more than two missed visits are a gap, and nobody knows what lay in it. Source: ADR 0014. */
const GAP_DAYS = 10;

export interface Point {
  x: number;
  y: number;
  rate: number;
  /** Ends of the whisker, upper first; null where a person counted. */
  whisker: [number, number] | null;
  /** Whether nobody counted for so long before that no line leads here. */
  isAfterGap: boolean;
  count: Count;
}

export const isLate = ({ taken_at, written_at }: Count): boolean =>
  calendarDate(new Date(written_at)) > calendarDate(new Date(taken_at));

/** Points of the line; counts that may not be used are left out, as nothing can be said per night. */
export function linePoints(counts: Count[], threshold: number | null): { points: Point[]; top: number } {
  const known = counts.flatMap((count) => {
    const rate = isUnknown(count) ? null : rateOf({ ...count, gate: count.gate?.verdict ?? null });
    const ends = count.interval?.map((end) => end / (count.nights ?? 1)) as [number, number] | undefined;
    return rate === null ? [] : [{ count, at: Date.parse(count.taken_at), rate, ends }];
  });
  const top = Math.max(1, threshold ?? 0, ...known.map(({ rate, ends }) => Math.max(rate, ends?.[1] ?? 0))) * 1.05;
  const first = known[0]?.at ?? 0;
  const span = Math.max(1, (known.at(-1)?.at ?? 0) - first);
  const points = known.map(({ count, at, rate, ends }, index) => {
    // The nights that a count covers are no gap before it.
    const unseen = at - (known[index - 1]?.at ?? at) - (count.nights ?? 0) * DAY_MS;
    return {
      x: known.length === 1 ? WIDTH / 2 : LEFT + ((at - first) / span) * (WIDTH - LEFT - RIGHT),
      y: heightOf(rate, top),
      rate,
      whisker: ends ? ([heightOf(ends[1], top), heightOf(ends[0], top)] as [number, number]) : null,
      isAfterGap: unseen > GAP_DAYS * DAY_MS,
      count,
    };
  });
  return { points, top };
}

const heightOf = (rate: number, top: number): number => HEIGHT - BOTTOM - (rate / top) * (HEIGHT - TOP - BOTTOM);
const n = (value: number): string => value.toFixed(1);

function mark({ x, y, count }: Point): string {
  if (isLate(count)) return `<rect x="${n(x - 4.5)}" y="${n(y - 4.5)}" width="9" height="9"/>`;
  const ring = count.by === "model" ? "" : ' class="person"';
  return `<circle cx="${n(x)}" cy="${n(y)}" r="4.5"${ring}/>`;
}

function whisker({ x, whisker }: Point): string {
  if (!whisker) return "";
  const [upper, lower] = whisker;
  return `<path class="whisker" d="M${n(x)} ${n(upper)}V${n(lower)}M${n(x - 4)} ${n(upper)}h8M${n(x - 4)} ${n(lower)}h8"/>`;
}

/** A line for each stretch without a gap. */
function lines(points: Point[]): string {
  const stretches: Point[][] = [];
  for (const point of points) {
    if (point.isAfterGap || stretches.length === 0) stretches.push([]);
    stretches.at(-1)?.push(point);
  }
  return stretches
    .map((stretch) => `<polyline points="${stretch.map(({ x, y }) => `${n(x)},${n(y)}`).join(" ")}"/>`)
    .join("");
}

export function seasonLine(counts: Count[], threshold: number | null): Child {
  const { points, top } = linePoints(counts, threshold);
  const last = points.at(-1);
  if (!last) return null;
  const level = (rate: number, name: string): string =>
    `<line class="${name}" x1="0" x2="${WIDTH}" y1="${n(heightOf(rate, top))}" y2="${n(heightOf(rate, top))}"/>`;
  const greatest = top / 1.05;
  const svg = drawn(
    `0 0 ${WIDTH} ${HEIGHT}`,
    level(0, "ground") +
      level(greatest, "most") +
      (threshold === null ? "" : level(threshold, "limit")) +
      points.map(whisker).join("") +
      lines(points) +
      points.map(mark).join("") +
      `<text x="2" y="${n(heightOf(greatest, top) - 4)}">${number(greatest)}</text>`,
    "season",
  );
  const day = ({ count }: Point): string => dateText(new Date(count.taken_at));
  const [first] = points as [Point];
  return h(
    "figure",
    { class: "season-figure", testid: "season-line" },
    h("figcaption", {}, h("strong", {}, t("Insects each night: %(rate)s", { rate: last.rate }))),
    svg,
    h("p", { class: "axis" }, h("span", {}, day(first)), points.length > 1 && h("span", {}, day(last))),
    threshold !== null &&
      legend("dash", t("Inspect the plants from: %(limit)s each night", { limit: number(threshold) })),
    points.some(({ whisker }) => whisker) && legend("whisker", t("So far the phone may be wrong")),
    points.some(({ isAfterGap }) => isAfterGap) && legend("gap", t("Nobody counted")),
    points.some(({ count }) => count.by !== "model") && legend("person", t("Counted by a person")),
    points.some(({ count }) => isLate(count)) && legend("late", t("Written down later")),
  );
}

const SIGNS: Record<string, string> = {
  dash: '<path class="limit" d="M0 12h32"/>',
  whisker: '<path class="whisker" d="M16 3v18M11 3h10M11 21h10"/>',
  gap: '<circle cx="4" cy="12" r="4"/><circle cx="28" cy="12" r="4"/>',
  person: '<circle class="person" cx="16" cy="12" r="5"/>',
  late: '<rect x="11" y="7" width="10" height="10"/>',
};

function legend(sign: string, words: Message): HTMLElement {
  return h("p", { class: "legend", testid: `legend-${sign}` }, drawn("0 0 32 24", SIGNS[sign] ?? "", "season"), words);
}
