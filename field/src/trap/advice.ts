/** The advice for a trap of this phone: its counts, given to the shared rules. */

import { levelName, sentences } from "../advice/render";
import { advise, inspection } from "../advice/rules";
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
  const readings = trap.counts.map(({ taken_at, count, nights, gate, lure_age_days, interval, emptied }) => ({
    taken_at,
    count,
    nights,
    gate: gate?.verdict ?? null,
    lure_age_days,
    interval,
    emptied,
  }));
  const { pest, crop, state, inspections, lure_life_days: lureLifeDays = null } = trap;
  return advise({ pest, crop, readings, now, state, inspections, lureLifeDays });
}

/** Level of an advice with its look; damage that was counted on the plants has words of its own. */
export function standingOf(advice: AdviceJson): ReturnType<typeof levelOf> {
  const isConfirmed = advice.level === "orange" && advice.messages.some(({ id }) => id === "sample_confirmed");
  return isConfirmed
    ? { ...levelOf(advice.level), icon: "phone", name: levelName("confirmed") }
    : levelOf(advice.level);
}

/** How to look at the plants, and from when it is serious. */
export const inspectionWords = ({ pest, crop, state }: MyTrap): Message[] => sentences(inspection(pest, crop, state));

/** Whether the advice sends the farmer to the plants. */
export const asksToInspect = ({ messages }: AdviceJson): boolean =>
  messages.some(({ id }) => id.startsWith("look_") || id === "maybe_reached" || id === "sample_more");

export const messagesOf = (advice: AdviceJson): Message[] => sentences(advice.messages);

/** The newest advice that the server has sent for this trap since it was last counted or its plants were looked at. */
export async function serversAdvice(trap: MyTrap): Promise<AdvisoryChange | undefined> {
  const all = await (await database()).getAll("advisories");
  const looked = trap.inspections.at(-1)?.inspected_at ?? "";
  const last = [trap.counts.at(-1)?.written_at ?? "", looked].sort().at(-1) ?? "";
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
