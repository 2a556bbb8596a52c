/** Reads aloud, where the phone has a voice for the language; text stands on the screen in any case. */

import type { Message } from "./i18n";

/** A voice for this language, or undefined. Some phones list voices late: see `whenVoicesChange`. */
function voiceFor(locale: string): SpeechSynthesisVoice | undefined {
  if (!("speechSynthesis" in window)) return undefined;
  return speechSynthesis.getVoices().find((voice) => voice.lang.toLowerCase().split(/[-_]/)[0] === locale);
}

export const canSpeak = (locale: string): boolean => voiceFor(locale) !== undefined;

export function whenVoicesChange(listener: () => void): void {
  if ("speechSynthesis" in window) speechSynthesis.addEventListener?.("voiceschanged", listener);
}

/** Speaks sentences one after another, each in the language that it is in; a second call starts over. */
export function speak(messages: Message[]): void {
  speechSynthesis.cancel();
  for (const message of messages) {
    const voice = voiceFor(message.locale);
    if (!voice) continue;
    const utterance = new SpeechSynthesisUtterance(message.text);
    utterance.voice = voice;
    // Chrome on Android speaks with an English voice unless the language is named as well.
    utterance.lang = voice.lang;
    utterance.rate = 0.9;
    speechSynthesis.speak(utterance);
  }
}

export function hush(): void {
  if ("speechSynthesis" in window) speechSynthesis.cancel();
}
