/**
 * Counts that have been begun and not saved, one for each trap: written before the camera opens, kept at each step.
 *
 * Saving takes the draft away in the transaction that writes the observation (`outbox.ts`), so that a phone that dies
 * in between neither loses the count nor makes two of it.
 */

import { Problem } from "../problem";
import { instant } from "../sync/protocol";
import { type Draft, database } from "./database";

/** Begins a count of a trap, with its photo if there is one yet; an unsaved older one of the same trap gives way. */
export async function beginDraft(
  trap: string,
  source: Draft["source"],
  nights: number | null,
  photo: Blob | null = null,
): Promise<Draft> {
  const draft: Draft = {
    trap,
    begun_at: instant(new Date()),
    source,
    photo,
    sha256: null,
    counted: null,
    corrected: null,
    edits: [],
    nights,
    emptied: true,
  };
  await keepDraft(draft);
  return draft;
}

/**
 * Keeps a draft as it is now.
 *
 * @throws Problem 507.1 when the phone has no room left; what was kept before is still there
 */
export async function keepDraft(draft: Draft): Promise<void> {
  try {
    const tx = (await database()).transaction("drafts", "readwrite");
    const written = tx.store.put(draft);
    // Said at once rather than at the end of the task: a page that is closed in this moment would take the number with it.
    tx.commit();
    await Promise.all([written, tx.done]);
  } catch (error) {
    throw error instanceof DOMException && error.name === "QuotaExceededError" ? new Problem("507.1") : error;
  }
}

export async function draftOf(trap: string): Promise<Draft | undefined> {
  return (await database()).get("drafts", trap);
}

/** The newest first. */
export async function allDrafts(): Promise<Draft[]> {
  const drafts = await (await database()).getAll("drafts");
  return drafts.sort((a, b) => b.begun_at.localeCompare(a.begun_at));
}

export async function dropDraft(trap: string): Promise<void> {
  await (await database()).delete("drafts", trap);
}
