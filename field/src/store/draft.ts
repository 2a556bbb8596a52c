/** The count that has been begun: written before the camera opens, kept at each step, gone once saved. */

import { instant } from "../sync/protocol";
import type { Draft } from "./database";
import { forget, keep, setting } from "./settings";

/** Begins a count of a trap; an unsaved older one gives way. */
export async function beginDraft(trap: string, source: Draft["source"], nights: number | null): Promise<Draft> {
  const draft: Draft = {
    trap,
    begun_at: instant(new Date()),
    source,
    photo: null,
    sha256: null,
    counted: null,
    corrected: null,
    nights,
    emptied: true,
  };
  await keep("draft", draft);
  return draft;
}

export const keepDraft = (draft: Draft): Promise<void> => keep("draft", draft);
export const currentDraft = (): Promise<Draft | undefined> => setting("draft");
export const dropDraft = (): Promise<void> => forget("draft");
