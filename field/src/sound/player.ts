/** Reads lines aloud: by clips where all of a sentence has them, else by the phone's own voice, else in silence. */

import type { Line, Outcome } from "../speak";
import { fetchClips, indexOf } from "./clips";
import { canUtter, onVoices, utter } from "./phone-voice";
import { clipsOf, type Wanted } from "./spoken";
import { webmOf } from "./webm";

/** One for all: a browser that lets it play once lets it play on. */
const audio = new Audio();

export async function play(lines: Line[], signal: AbortSignal): Promise<Outcome> {
  const clips = await fetchAll(lines);
  let isHeard = false;
  for (const { message, element } of lines) {
    if (signal.aborted) break;
    const wanted = clipsOf(message)?.map(({ locale, key }) => clips.get(`${locale} ${key}`));
    const unmark = mark(element);
    const isSaid = isWhole(wanted) ? await sound(wanted, signal) : await utter(message, signal);
    unmark();
    isHeard ||= isSaid;
  }
  if (signal.aborted) return "stopped";
  return isHeard ? "heard" : "silent";
}

/** Plays one clip by its key; false when it cannot be had. */
export async function playClip(language: string, key: string, signal: AbortSignal): Promise<boolean> {
  const clip = (await fetchClips(language, [key])).get(key);
  return clip !== undefined && !signal.aborted && sound([clip], signal);
}

/** Brings what the lines need onto the phone, by language and key. */
export async function fetchAll(lines: Line[]): Promise<Map<string, Uint8Array>> {
  const wanted = wantedBy(lines);
  const found = new Map<string, Uint8Array>();
  for (const language of new Set(wanted.map(({ locale }) => locale))) {
    const keys = wanted.filter(({ locale }) => locale === language).map(({ key }) => key);
    for (const [key, clip] of await fetchClips(language, keys)) found.set(`${language} ${key}`, clip);
  }
  return found;
}

/** Whether a person says all of it, and not the computer. */
export async function areRecorded(lines: Line[]): Promise<boolean> {
  for (const { locale, key } of wantedBy(lines)) if (!(await indexOf(locale))?.recorded.has(key)) return false;
  return true;
}

/** Tells whether anything of a language can be heard, and again when the phone has found its voices. */
export function onVoice(language: string, listener: (has: boolean) => void): void {
  onVoices(async () => listener(canUtter(language) || (await indexOf(language)) !== null));
}

const wantedBy = (lines: Line[]): Wanted[] => lines.flatMap(({ message }) => clipsOf(message) ?? []);

const isWhole = (clips: (Uint8Array | undefined)[] | undefined): clips is Uint8Array[] =>
  clips?.every((clip) => clip !== undefined) ?? false;

/** Shows which sentence is being read. */
function mark(element: Element | undefined): () => void {
  element?.classList.add("spoken");
  element?.scrollIntoView({ block: "nearest" });
  return () => element?.classList.remove("spoken");
}

/** Resolves when the sound is over or was stopped; false when the browser plays no such sound. */
function sound(clips: Uint8Array[], signal: AbortSignal): Promise<boolean> {
  const url = URL.createObjectURL(new Blob([webmOf(clips) as BlobPart], { type: "audio/webm" }));
  return new Promise<boolean>((done) => {
    audio.onended = () => done(true);
    audio.onerror = () => done(false);
    signal.addEventListener("abort", () => {
      audio.pause();
      done(true);
    });
    audio.src = url;
    audio.play().catch(() => done(false));
  }).finally(() => URL.revokeObjectURL(url));
}
