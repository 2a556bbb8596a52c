/**
 * Which size of the family this phone should count with: what a person chose, else what its speed allows.
 *
 * Automatic stays with the usual size unless a photo would take too long with it; the most exact one is for those who ask
 * for it. Whether the wanted size is on the phone yet is another question: shelf.ts counts with what is there.
 */

import type { Settings } from "../store/database";
import { setting } from "../store/settings";
import type { Size } from "./manifest";

/** Tiles of a photo, all its looks together: one at first, then mostly 6 to 12. */
const TILES_PER_PHOTO = 12;
/**
 * Better a slow count than a wrong one: `nano` misses most moths of a liner photographed whole (docs/counting.md). Where even
 * this is passed a person gives up; a guess. Reading the photo comes on top, with every size alike.
 */
const PATIENCE_MS = 30_000;

export const sizeChoice = async (): Promise<Settings["size_choice"]> => (await setting("size_choice")) ?? "automatic";

/** How long the usual size takes for a photo on a phone that was timed. */
export const photoMs = ({ tile_ms }: Settings["size_timing"]): number => tile_ms * TILES_PER_PHOTO;

/** The size for a phone of this speed; the usual one while it was not timed. */
export function sizeFor(timing: Settings["size_timing"] | undefined): Size {
  return timing && photoMs(timing) > PATIENCE_MS ? "nano" : "small";
}

export async function wantedSize(): Promise<Size> {
  const choice = await sizeChoice();
  return choice === "automatic" ? sizeFor(await setting("size_timing")) : choice;
}
