/** The phone's own voice, for what has no clip. No phone says for sure whether it has one. Source: ADR 0016. */

import type { Message } from "../i18n";

/** A voice for this language, or undefined. Some phones list voices late. */
function voiceFor(locale: string): SpeechSynthesisVoice | undefined {
  if (!("speechSynthesis" in window)) return undefined;
  return speechSynthesis.getVoices().find((voice) => voice.lang.toLowerCase().split(/[-_]/)[0] === locale);
}

export const canUtter = (locale: string): boolean => voiceFor(locale) !== undefined;

/** Calls back at once, and again when the phone has found its voices. */
export function onVoices(listener: () => void): void {
  listener();
  if ("speechSynthesis" in window) speechSynthesis.addEventListener?.("voiceschanged", listener, { once: true });
}

/** Says one sentence; false when the phone has no voice for its language. */
export function utter({ text, locale }: Message, signal: AbortSignal): Promise<boolean> {
  const voice = voiceFor(locale);
  if (!voice) return Promise.resolve(false);
  const utterance = new SpeechSynthesisUtterance(text);
  utterance.voice = voice;
  // Chrome on Android speaks with an English voice unless the language is named as well.
  utterance.lang = voice.lang;
  utterance.rate = 0.9;
  return new Promise((done) => {
    utterance.addEventListener("end", () => done(true));
    utterance.addEventListener("error", () => done(false));
    signal.addEventListener("abort", () => speechSynthesis.cancel());
    speechSynthesis.speak(utterance);
  });
}
