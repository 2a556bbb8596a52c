/**
 * Something that a person has to know, with what to do next.
 *
 * Numbers and sentences are those of pestwatch/errors.py; the server's come over the wire, and those that the
 * phone meets by itself stand here. The English sentence is the key for translation.
 */

import type { ProblemJson } from "./sync/protocol";

const SENTENCES = {
  "401.1": "This phone is not enrolled here. Ask your officer for an enrolment code; your counts stay on the phone.",
  "413.1": "This is too large: %(size_bytes)s bytes, %(limit_bytes)s are allowed. Send it in smaller parts.",
  "422.1": "%(name)s is not a photo. Choose a JPEG, PNG or WebP picture.",
  "422.2": "%(name)s is empty. Take the photo again.",
  "422.3":
    "%(name)s is too small to count: %(side_px)s pixels, %(limit_px)s are needed. Go closer or send the original photo.",
  "422.4":
    "%(name)s has %(megapixels)s megapixels, more than the %(limit)s that can be read. Choose a smaller photo size in the camera.",
  "422.7": "The language %(locale)s is not known here, so English is used. Choose another one in the settings.",
  "422.20": "The release file %(name)s cannot be understood: %(detail)s. Fetch or make the release again.",
  "422.21": "The file %(name)s is not the one that was signed. Fetch the release again.",
  "422.22": "The release is not signed by anyone who may: %(detail)s. The present model stays in use.",
  "422.23":
    "Release %(version)s has number %(seq)s, but number %(seen)s was seen already. The present model stays in use.",
  "422.27":
    "Release %(version)s needs a newer app. Open the app with the network on; the present model stays in use until then.",
  "422.28": "Release %(version)s counted its test photo wrongly on this phone. The present model stays in use.",
  "500.1": "Something broke here, and it is written down. Nothing that you sent is lost; try again later.",
  "500.2": "Something went wrong on this phone: %(detail)s. Your saved counts are safe. Open the app again.",
  "502.1": "The server cannot be reached. Your counts stay on the phone and are sent later.",
  "502.2": "The server did not answer well. Your counts stay on the phone and are sent later.",
  "503.2":
    "The counter is not on this phone yet. Keep the app open with the network on for some minutes, then count again.",
  "507.1": "The phone has no room left. Delete some videos or photos, then save again.",
  "507.2":
    "This window keeps nothing, so your counts would be lost. Open pestwatch in a normal window, not a private one.",
} as const;

export type ProblemNumber = keyof typeof SENTENCES;

export class Problem extends Error implements ProblemJson {
  readonly number: string;
  readonly params: Record<string, string | number>;

  /** @param sentence of a number that only a rare screen knows, and keeps beside itself */
  constructor(number: ProblemNumber, params?: Record<string, string | number>);
  constructor(number: string, params: Record<string, string | number>, sentence: string);
  constructor(number: string, params: Record<string, string | number> = {}, sentence?: string) {
    super(sentence ?? SENTENCES[number as ProblemNumber]);
    this.name = `Problem ${number}`;
    this.number = number;
    this.params = params;
  }
}

/** The same, as it is stored: an Error does not survive being put away. */
export function problemJson({ number, message, params }: ProblemJson): ProblemJson {
  return { number, message, params };
}

/** Whatever was thrown, as a Problem; the unforeseen keeps its own words as a detail. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof DOMException && thrown.name === "QuotaExceededError") return new Problem("507.1");
  return new Problem("500.2", { detail: thrown instanceof Error ? thrown.message : String(thrown) });
}
