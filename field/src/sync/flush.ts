/**
 * When to sync: on start, `online`, return to the app, after each save, and from the service worker's sync event.
 *
 * `flush` may be called by anyone at any time: one round runs at once over all tabs and workers, and a call during
 * a round is answered by the next one. After a failure it waits longer and longer, unless a person asks.
 */

import { announceChange } from "../store/changed";
import type { BackOff } from "../store/database";
import { waitingCount } from "../store/outbox";
import { forget, keep, setting } from "../store/settings";
import { tellConsent } from "./consent";
import { enrolIfAsking } from "./enrol";
import { sendPhotos } from "./photos";
import type { ProblemJson } from "./protocol";
import { problemOf, pushAndPull, Refusal } from "./sync";

/** Tag of the Background Sync registration. */
export const FLUSH_TAG = "flush";
const LOCK = "pestwatch-flush";
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 60 * 60_000;

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
  return exclusively(() => {
    const why = queuedReason;
    queued = undefined;
    queuedReason = "automatic";
    return round(why);
  });
}

async function exclusively<T>(work: () => Promise<T>): Promise<T> {
  // Old browsers have no locks; there, two tabs may send the same facts, which the server stores once.
  if (!globalThis.navigator?.locks) return work();
  return (await navigator.locks.request(LOCK, work)) as T;
}

async function round(reason: FlushReason): Promise<FlushOutcome> {
  const consent = await setting("consent");
  if (!consent?.agreed && !(await setting("consent_to_tell"))) return { state: "no-consent", problem: null };
  const backOff = await setting("back_off");
  if (reason === "automatic" && backOff && isHeldUp(backOff)) {
    return { state: "waiting-to-retry", problem: (await setting("last_problem")) ?? null };
  }
  try {
    await tellConsent();
    if (!consent?.agreed) {
      await forget("back_off");
      announceChange();
      return { state: "no-consent", problem: null };
    }
    await enrolIfAsking(__APP_VERSION__);
    const enrolment = await setting("enrolment");
    // One that was not known is tried all the same: an old window may have forgotten to sign, and a server that came back
    // from the wrong backup may have come back from the right one since.
    if (!enrolment) return { state: "not-enrolled", problem: null };
    await pushAndPull(enrolment, __APP_VERSION__);
    await sendPhotos(enrolment, reason === "photos");
    await Promise.all([forget("back_off"), forget("last_problem")]);
    announceChange();
    return { state: "sent", problem: null };
  } catch (error) {
    return { state: "failed", problem: await writeDown(error) };
  }
}

/** A back-off that ends later than any may was set by a clock that has been put right since. */
function isHeldUp({ until_ms }: BackOff): boolean {
  const left_ms = until_ms - Date.now();
  return left_ms > 0 && left_ms <= LONGEST_WAIT_MS;
}

/** Keeps why a round failed, and until when no other one should be tried by itself. */
async function writeDown(error: unknown): Promise<ProblemJson> {
  const problem = problemOf(error);
  const enrolment = await setting("enrolment");
  if (error instanceof Refusal && error.status === 401 && enrolment) {
    await keep("enrolment", { ...enrolment, state: "unknown" });
  }
  const failures = ((await setting("back_off"))?.failures ?? 0) + 1;
  // A full server says how long to stay away at least; anything else is guessed.
  const told = error instanceof Refusal && error.wait_s ? error.wait_s * 2000 : 0;
  const wait = Math.min(LONGEST_WAIT_MS, told || FIRST_WAIT_MS * 2 ** (failures - 1));
  // Half of the wait is drawn by lot: a thousand phones that lost the same network must not return in one second.
  await keep("back_off", { failures, until_ms: Date.now() + wait / 2 + (Math.random() * wait) / 2 });
  await keep("last_problem", problem);
  announceChange();
  return problem;
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
