/** The pests that a trap can be hung for: names, crops, usual traps, and whether a photo can count them. */

import rules from "../../generated/rules.json" with { type: "json" };
import { type Message, t } from "../i18n";
import type { Crop, TrapType } from "../sync/protocol";

const SPECIES = new Map(rules.species.map((species) => [species.key, species]));

/** Those that a lure or light draws, the photo-counted ones first. */
export const PESTS: readonly string[] = rules.species
  .filter(({ crops }) => crops.length > 0)
  .sort((a, b) => Number(b.photo_counted) - Number(a.photo_counted))
  .map(({ key }) => key);

export const pestName = (pest: string): Message => t(SPECIES.get(pest)?.name ?? pest);

export const isPhotoCounted = (pest: string): boolean => SPECIES.get(pest)?.photo_counted ?? false;

/** Crops in which a trap for this pest hangs, the usual one first; "other" always stays possible. */
export function cropsOf(pest: string): Crop[] {
  const usual = (SPECIES.get(pest)?.crops ?? []) as Crop[];
  return usual.includes("other") ? usual : [...usual, "other"];
}

/** The trap that is mostly hung for a pest; the farmer may choose another. */
export const usualTrap = (pest: string): TrapType => (SPECIES.get(pest)?.trap_types[0] ?? "funnel") as TrapType;
