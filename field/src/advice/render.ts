/** Advice -> sentences, in the words of the catalogue. Twin of pestwatch/advisory/render.py. */

import rules from "../../generated/rules.json" with { type: "json" };
import { type Message, t } from "../i18n";
import type { Said } from "./rules";

const MESSAGES: Readonly<Record<string, string>> = rules.messages;
const LEVEL_NAMES: Readonly<Record<string, string>> = rules.levels;

/** The sentences of an advice; one of a newer version that this app does not know yet is left out. */
export function sentences(messages: readonly { id: string; params: Record<string, string | number> }[]): Message[] {
  return messages.flatMap(({ id, params }: Said | { id: string; params: Record<string, string | number> }) => {
    const sentence = MESSAGES[id];
    return sentence === undefined ? [] : [t(sentence, params)];
  });
}

/** The level's name for people. */
export function levelName(level: string): Message {
  return t(LEVEL_NAMES[level] ?? level);
}
