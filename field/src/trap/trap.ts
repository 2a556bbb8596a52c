/** What a trap can be: crops and trap types with their words and pictures, and how long it has hung. */

import { aloud, dateText, type Message, t, tn } from "../i18n";
import type { IconName } from "../icons";
import type { CalendarDate, Crop, Gate, Instant, TrapType } from "../sync/protocol";

interface Kind {
  icon: IconName;
  /** A function, because the language may change while the app is open. */
  name: () => Message;
}

export const CROPS: Record<Crop, Kind> = {
  cotton: { icon: "cotton", name: () => t("Cotton") },
  tomato: { icon: "tomato", name: () => t("Tomato") },
  maize: { icon: "maize", name: () => t("Maize") },
  rice: { icon: "rice", name: () => t("Rice") },
  pigeonpea: { icon: "pulse", name: () => t("Pigeon pea") },
  chickpea: { icon: "pulse", name: () => t("Chickpea") },
  okra: { icon: "okra", name: () => t("Okra") },
  brinjal: { icon: "brinjal", name: () => t("Brinjal") },
  cabbage: { icon: "cabbage", name: () => t("Cabbage") },
  other: { icon: "leaf", name: () => t("Other crop") },
};

export const TRAP_TYPES: Record<TrapType, Kind> = {
  delta: { icon: "delta", name: () => t("Delta trap") },
  funnel: { icon: "funnel", name: () => t("Funnel trap") },
  sleeve: { icon: "sleeve", name: () => t("Sleeve trap") },
  water: { icon: "water", name: () => t("Water trap") },
  sticky: { icon: "sticky", name: () => t("Sticky card") },
  light: { icon: "light", name: () => t("Light trap") },
};

/** A name of a trap that no other phone needs to know: it is unique together with the device's number. */
export function newTrapId(): string {
  const letters = "abcdefghijkmnpqrstuvwxyz23456789";
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => letters[byte % 32]).join("");
}

/** The calendar day on the phone's own clock. */
export function calendarDate(date: Date): CalendarDate {
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Noon of a calendar day: no time zone and no summer time moves it to another day. */
export const noonOf = (day: CalendarDate): Date => new Date(`${day}T12:00:00`);

export const daysBefore = (date: Date, days: number): Date => new Date(date.getTime() - days * 86_400_000);

/** Nights or days from one calendar day to another. */
export function daysBetween(from: CalendarDate, to: CalendarDate): number {
  return Math.round((noonOf(to).getTime() - noonOf(from).getTime()) / 86_400_000);
}

/** Nights that the trap has caught since it was emptied; null when that is unknown or was only today. */
export function nightsSince(emptiedAt: Instant | null, now: Date): number | null {
  if (emptiedAt === null) return null;
  const nights = daysBetween(calendarDate(new Date(emptiedAt)), calendarDate(now));
  return nights > 0 ? nights : null;
}

/** How long ago, the way people say it; after two weeks the date itself. */
export function whenText(date: Date, now: Date): Message | string {
  const days = daysBetween(calendarDate(date), calendarDate(now));
  if (days === 0) return t("Today");
  if (days === 1) return t("Yesterday");
  return days > 1 && days <= 14 ? tn("%(n)s day ago", "%(n)s days ago", days) : dateText(date);
}

/** The gate rejected the photo and nobody has counted it: its number is none. */
export const isUncounted = ({ gate }: { gate: Gate | null }): boolean => gate?.verdict === "rejected";

/** A photo of which nothing certain is known: a zero on a doubtful one may be a trap full of moths, so no zero is shown. */
export const isUnknown = ({ count, gate }: { count: number; gate: Gate | null }): boolean =>
  isUncounted({ gate }) || (gate?.verdict === "doubtful" && count === 0);

/** A count in words; that there is none is said too. */
export function countText(count: { count: number; gate: Gate | null }): Message {
  if (isUncounted(count)) return aloud(t("Nothing was counted"));
  return isUnknown(count) ? aloud(t("Doubtful photo")) : aloud(tn("%(n)s insect", "%(n)s insects", count.count));
}
