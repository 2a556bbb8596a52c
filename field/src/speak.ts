/** Reads aloud what stands on the screen; who does it is loaded only when somebody asks. */

import type { Message } from "./i18n";

/** A sentence to be heard, and the element that shows it: the eye can follow the voice. */
export interface Line {
  message: Message;
  element?: Element;
}

/** How it went: `silent` when not a single sentence had a voice on this phone now. */
export type Outcome = "heard" | "stopped" | "silent";

let current: AbortController | undefined;

/** Reads the lines one after another; a second call, or leaving the screen, stops the first. */
export async function speak(lines: Line[]): Promise<Outcome> {
  const signal = begin();
  const { play } = await import("./sound/player");
  return play(lines, signal);
}

/** Says one clip by its key, such as a language's invitation to itself. */
export async function speakClip(language: string, key: string): Promise<boolean> {
  const signal = begin();
  const { playClip } = await import("./sound/player");
  return playClip(language, key, signal);
}

export function hush(): void {
  current?.abort();
}

/** One voice at a time. */
function begin(): AbortSignal {
  hush();
  current = new AbortController();
  return current.signal;
}
