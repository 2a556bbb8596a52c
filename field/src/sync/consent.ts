/** The farmer's answer reaches the server, a no as well: it is the last thing that a phone says before it is silent. */

import { forget, keep, setting } from "../store/settings";
import { Refusal, request } from "./sync";

/** Notes that the server does not know the answer yet; a phone that was never enrolled has nobody to tell. */
export async function noteAnswer(what: "answer" | "erase" = "answer"): Promise<void> {
  if (await setting("enrolment")) await keep("consent_to_tell", what);
}

/**
 * Tells the answer if the server does not know it yet. After an erasure this phone is enrolled nowhere; its counts stay on it.
 *
 * @throws Refusal, Problem 502.1
 */
export async function tellConsent(): Promise<void> {
  const [what, enrolment, consent] = await Promise.all([
    setting("consent_to_tell"),
    setting("enrolment"),
    setting("consent"),
  ]);
  if (!what || !enrolment || !consent) return;
  const { version, at, locale, agreed } = consent;
  const said = { consent: { version, at, locale }, agreed, erase: what === "erase" };
  const headers = { "content-type": "application/json", authorization: `Bearer ${enrolment.token}` };
  try {
    await request("/consent", { method: "POST", headers, body: JSON.stringify(said) });
  } catch (error) {
    // A server that does not know this phone (any more) has nothing of it to erase.
    if (!(error instanceof Refusal && error.status === 401)) throw error;
  }
  // The farmer may have answered anew meanwhile.
  if ((await setting("consent_to_tell")) === what && (await setting("consent"))?.at === at)
    await forget("consent_to_tell");
  if (what === "erase") await forget("enrolment");
}
