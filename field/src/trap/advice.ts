/** The advice for a trap of this phone: its counts, given to the shared rules. */

import { levelName, sentences } from "../advice/render";
import { advise } from "../advice/rules";
import type { Message } from "../i18n";
import type { IconName } from "../icons";
import { database } from "../store/database";
import type { AdviceJson, AdvisoryChange } from "../sync/protocol";
import type { MyTrap } from "./my-traps";

type Level = AdviceJson["level"];

/** Colour and shape of each level: nobody has to tell colours apart, and nobody has to read. */
const LOOKS: Record<Level, { icon: IconName; class: string }> = {
  "no-data": { icon: "question", class: "level-no-data" },
  watch: { icon: "eye", class: "level-watch" },
  green: { icon: "calm", class: "level-green" },
  yellow: { icon: "clock", class: "level-yellow" },
  orange: { icon: "watch", class: "level-orange" },
  red: { icon: "alarm", class: "level-red" },
};

/** A level of a newer server that this app does not know is shown as not known. */
export function levelOf(level: Level): { icon: IconName; class: string; name: Message } {
  return { ...(LOOKS[level] ?? LOOKS["no-data"]), name: levelName(level) };
}

export function adviceFor(trap: MyTrap, now: Date): AdviceJson {
  const readings = trap.counts.map(({ taken_at, count, nights, gate, lure_age_days, interval }) => ({
    taken_at,
    count,
    nights,
    gate: gate?.verdict ?? null,
    lure_age_days,
    interval,
  }));
  const { pest, crop, state } = trap;
  return advise({ pest, crop, readings, now, state, plantSample: null });
}

export const messagesOf = (advice: AdviceJson): Message[] => sentences(advice.messages);

/** The newest advice that the server has sent for this trap since it was last counted. */
export async function serversAdvice(trap: MyTrap): Promise<AdvisoryChange | undefined> {
  const all = await (await database()).getAll("advisories");
  const last = trap.counts.at(-1)?.taken_at ?? "";
  return all
    .filter((advisory) => advisory.trap === trap.trap && advisory.issued_at >= last)
    .sort((a, b) => a.issued_at.localeCompare(b.issued_at))
    .at(-1);
}

/** Whether two pieces of advice tell the farmer to do the same. */
export function saysTheSame(a: AdviceJson, b: AdviceJson): boolean {
  const said = ({ level, messages }: AdviceJson): string => [level, ...messages.map(({ id }) => id)].join(" ");
  return said(a) === said(b);
}
