/**
 * When to sync: on start, `online`, return to the app, after each save, and from the service worker's sync event.
 *
 * `flush` may be called by anyone at any time: one round runs at once over all tabs and workers, and a call during
 * a round is answered by the next one.
 * Next: round.ts.
 */

import { Problem, problemJson } from "../problem";
import { waitingCount } from "../store/outbox";
import { setting } from "../store/settings";
import type { ProblemJson } from "./protocol";

/** Tag of the Background Sync registration. */
export const FLUSH_TAG = "flush";
const LOCK = "pestwatch-flush";

export interface FlushOutcome {
  state: "sent" | "not-enrolled" | "no-consent" | "waiting-to-retry" | "failed";
  problem: ProblemJson | null;
}

/** Each but the first goes on in spite of a back-off; `photos`: a person waits for the photos too, whatever the link costs. */
const REASONS = ["automatic", "connected", "asked", "photos"] as const;
export type FlushReason = (typeof REASONS)[number];

let queued: Promise<FlushOutcome> | undefined;
let queuedReason: FlushReason = "automatic";

export function flush(reason: FlushReason = "automatic"): Promise<FlushOutcome> {
  if (REASONS.indexOf(reason) > REASONS.indexOf(queuedReason)) queuedReason = reason;
  queued ??= next();
  return queued;
}

async function next(): Promise<FlushOutcome> {
  // A lock may be granted at once: `queued` has to be set before the round takes it away.
  await Promise.resolve();
  return exclusively(async () => {
    const round = await loaded();
    const why = queuedReason;
    queued = undefined;
    queuedReason = "automatic";
    return round ? round(why) : { state: "failed", problem: problemJson(new Problem("502.1")) };
  });
}

/** What a round is made of comes behind the first screen; undefined: it is not on this phone yet, and there is no network. */
async function loaded(): Promise<((reason: FlushReason) => Promise<FlushOutcome>) | undefined> {
  try {
    return (await import("./round")).round;
  } catch {
    return undefined;
  }
}

async function exclusively<T>(work: () => Promise<T>): Promise<T> {
  // Old browsers have no locks; there, two tabs may send the same facts, which the server stores once.
  if (!globalThis.navigator?.locks) return work();
  return (await navigator.locks.request(LOCK, work)) as T;
}

/**
 * For Background Sync: the browser says that there is a connection, so no back-off holds this up. A page may have been
 * quicker, or be just about it; then nothing is left to do.
 */
export async function flushWaiting(): Promise<FlushOutcome | null> {
  await exclusively(async () => {});
  return (await waitingCount()) > 0 ? flush("connected") : null;
}

/** Asks the browser to wake the service worker when a connection is there, where it can do that. */
export async function wakeFor(tag: string): Promise<void> {
  try {
    const registration = await navigator.serviceWorker?.getRegistration();
    const { sync } = (registration ?? {}) as { sync?: { register(tag: string): Promise<void> } };
    await sync?.register(tag);
  } catch {
    // Not everywhere, and not always allowed; the other occasions remain.
  }
}

/**
 * After a save: send now if possible, and otherwise as soon as the browser finds a connection, also with the app closed.
 *
 * The waking is ordered before anything is tried: a phone that is put away meanwhile has its order.
 */
export async function flushSoon(): Promise<void> {
  const consent = await setting("consent");
  if (consent?.agreed) await Promise.all([wakeFor(FLUSH_TAG), flush()]);
}
