/** Enrolment: a single-use code becomes this phone's token and SMS key. Counting never waits for it. */

import { latinDigits } from "../i18n";
import type { Asking } from "../store/database";
import { startAnew } from "../store/outbox";
import { forget, keep, setting } from "../store/settings";
import { deviceKey } from "./device-key";
import type { EnrolRequest, EnrolResponse, EnrolWaiting } from "./protocol";
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

/**
 * Uses a code that waits, if the farmer has agreed to send, or asks whether the officer has said yes.
 *
 * @throws Refusal when the server does not take the code or the officer said no, Problem 502.1 without a connection.
 */
export async function enrolIfAsking(app: string): Promise<void> {
  const [asking, consent] = await Promise.all([setting("asking"), setting("consent")]);
  if (!asking || !consent?.agreed) return;
  const { public_key } = await deviceKey();
  let answer: EnrolResponse | EnrolWaiting;
  try {
    const { version, at, locale } = consent;
    answer = (await request(
      "/enrol",
      await message(asking, { version, at, locale }, app, public_key),
    )) as typeof answer;
  } catch (error) {
    // A used or mistyped code does not become right by waiting: a person has to give another.
    if (error instanceof Refusal && error.status < 429) await forget("asking");
    throw error;
  }
  // A person may have given another code meanwhile.
  if ((await setting("asking"))?.token !== asking.token) return;
  if ("state" in answer) {
    await keep("asking", { ...asking, state: "waiting" });
    return;
  }
  const { device, token, region, root, held } = answer;
  const former = await setting("enrolment");
  const isSamePlace = former?.root.public_key === root.public_key && former.public_key === public_key;
  const sms = answer.sms ? { number: answer.sms.number, key: await smsKey(answer.sms.key) } : null;
  const enrolment = { device, token, region, root, sms, state: "active", public_key } as const;
  await startAnew(enrolment, (isSamePlace && held) || null);
}

async function message(
  asking: Asking,
  consent: EnrolRequest["consent"],
  app: string,
  public_key: string,
): Promise<RequestInit> {
  if (asking.state === "waiting") return { headers: { authorization: `Bearer ${asking.token}` } };
  const { code, name, token } = asking;
  const said: EnrolRequest = { code, locale: (await setting("locale")) ?? "en", consent, app, token, public_key };
  if (name) said.name = name;
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(said) };
}
