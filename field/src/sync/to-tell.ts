/** What a person said that the server does not know yet: a code, an answer to the question of consent. A round tells it. */

import { latinDigits } from "../i18n";
import { forget, keep, setting } from "../store/settings";

/** The code as the server knows it: a person may type small letters, spaces, dashes and the digits of their script. */
export function tidyCode(typed: string): string {
  return latinDigits(typed)
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "");
}

/** The code in an address such as https://example.org/app/#enrol=ABCDE…, or null. */
export function codeInHash(hash: string): string | null {
  const code = tidyCode(new URLSearchParams(hash.replace(/^#/, "")).get("enrol") ?? "");
  return code === "" ? null : code;
}

/** Keeps a code until it can be used; six digits come with what the officer shall call the farmer. */
export async function ask(code: string, name: string | null = null): Promise<void> {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const token = btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=/g, "");
  await Promise.all([forget("last_problem"), forget("back_off")]);
  await keep("asking", { code, name, token, state: "unsent" });
}

/** Notes that the server does not know the answer yet; a phone that was never enrolled has nobody to tell. */
export async function noteAnswer(what: "answer" | "erase" = "answer"): Promise<void> {
  if (await setting("enrolment")) await keep("consent_to_tell", what);
}
