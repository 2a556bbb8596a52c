/** One round of syncing: the consent, an open enrolment, counts, photos. After a failure the next waits longer, unless a person asks. */

import { announceChange } from "../store/changed";
import type { BackOff } from "../store/database";
import { forget, keep, setting } from "../store/settings";
import { tellConsent } from "./consent";
import { enrolIfAsking } from "./enrol";
import type { FlushOutcome, FlushReason } from "./flush";
import { sendPhotos } from "./photos";
import type { ProblemJson } from "./protocol";
import { problemOf, pushAndPull, Refusal } from "./sync";

const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 60 * 60_000;

/** Does what is due; says how it ended, and never throws. */
export async function round(reason: FlushReason): Promise<FlushOutcome> {
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
