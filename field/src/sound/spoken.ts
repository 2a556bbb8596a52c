/**
 * Which clips say a sentence: its words between the numbers, and each number put together from a few.
 *
 * Twin of pestwatch/sound/script.py, held by tests/golden/spoken.json. A clip is found by the very words on the screen.
 */

import { fnv1a } from "../fnv1a";
import { Message } from "../i18n";

/** A clip: the language that it is in, and the key of its text. */
export interface Wanted {
  locale: string;
  key: string;
}

const MOST = 5999;

/** Names a clip by what it says. */
export const keyOf = (text: string): string => fnv1a(text).toString(16).padStart(8, "0");

/** 2,345 is 2000, 300, 45; null for what is no whole number up to 5,999. */
export function numberParts(n: number): number[] | null {
  if (!Number.isInteger(n) || n < 0 || n > MOST) return null;
  const rest = n % 100;
  const parts = [n - (n % 1000), (n % 1000) - rest, rest].filter((part) => part > 0);
  return parts.length > 0 ? parts : [0];
}

/** The clips of a sentence in their order; null when something in it, such as 2.5, has none. */
export function clipsOf({ parts, locale }: Message): Wanted[] | null {
  const wanted: Wanted[] = [];
  for (const part of parts) {
    const found =
      part instanceof Message
        ? clipsOf(part)
        : typeof part === "number"
          ? (numberParts(part)?.map((n) => ({ locale, key: keyOf(String(n)) })) ?? null)
          : /[\p{L}\p{N}]/u.test(part)
            ? [{ locale, key: keyOf(part.trim()) }]
            : [];
    if (!found) return null;
    wanted.push(...found);
  }
  return wanted;
}
