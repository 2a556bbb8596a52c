/** The pests that a trap can be hung for: names, crops, usual traps, and whether a photo can count them. */

import rules from "../../generated/rules.json" with { type: "json" };
import { type Message, t } from "../i18n";
import type { Crop, TrapType } from "../sync/protocol";

const SPECIES = new Map(rules.species.map((species) => [species.key, species]));

/** Those that a lure or light draws, the photo-counted ones first. */
const PESTS: readonly string[] = rules.species
  .filter(({ crops }) => crops.length > 0)
  .sort((a, b) => Number(b.photo_counted) - Number(a.photo_counted))
  .map(({ key }) => key);

/** The pests that traps are hung for in a crop; all of them in one that we do not know. */
export function pestsOf(crop: Crop): string[] {
  const usual = PESTS.filter((pest) => SPECIES.get(pest)?.crops.includes(crop));
  return crop === "other" || usual.length === 0 ? [...PESTS] : usual;
}

export const pestName = (pest: string): Message => t(SPECIES.get(pest)?.name ?? pest);

export const isPhotoCounted = (pest: string): boolean => SPECIES.get(pest)?.photo_counted ?? false;

/** Who says how long its lure lasts. */
export const lureSource = (pest: string): string => SPECIES.get(pest)?.lure_source ?? "";

/** Whether no institution says how long its lure lasts, so that the packet is asked. */
export const lureIsGuess = (pest: string): boolean => SPECIES.get(pest)?.lure_guess ?? false;

/** The trap that is mostly hung for a pest; the farmer may choose another. */
export const usualTrap = (pest: string): TrapType => (SPECIES.get(pest)?.trap_types[0] ?? "funnel") as TrapType;
