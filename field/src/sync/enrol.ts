/** Enrolment: a single-use code becomes this phone's token and SMS key. Counting never waits for it. */

import { latinDigits } from "../i18n";
import { startAnew } from "../store/outbox";
import { forget, keep, setting } from "../store/settings";
import { deviceKey } from "./device-key";
import type { EnrolRequest, EnrolResponse } from "./protocol";
import { Refusal, request } from "./sync";

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

/** A key that signs, and that nobody can read out of this phone again. */
export async function smsKey(base64: string): Promise<CryptoKey> {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/**
 * Uses a code that waits, if the farmer has agreed to send. True when the phone has just become enrolled.
 *
 * @throws Refusal when the server does not take the code, Problem 502.1 without a connection.
 */
export async function enrolWithPendingCode(app: string): Promise<boolean> {
  const [code, consent, locale] = await Promise.all([setting("pending_code"), setting("consent"), setting("locale")]);
  if (!code || !consent?.agreed) return false;
  const { public_key } = await deviceKey();
  const message: EnrolRequest = {
    code,
    locale: locale ?? "en",
    consent: { version: consent.version, at: consent.at, locale: consent.locale },
    app,
    public_key,
  };
  let answer: EnrolResponse;
  try {
    const headers = { "content-type": "application/json" };
    answer = (await request("/enrol", { method: "POST", headers, body: JSON.stringify(message) })) as EnrolResponse;
  } catch (error) {
    // A used or mistyped code does not become right by waiting: a person has to give another.
    if (error instanceof Refusal && error.status < 429) await forget("pending_code");
    throw error;
  }
  const { device, token, region, root } = answer;
  const sms = answer.sms ? { number: answer.sms.number, key: await smsKey(answer.sms.key) } : null;
  await keep("enrolment", { device, token, region, root, sms, state: "active", public_key });
  await forget("pending_code");
  await startAnew();
  return true;
}
