/**
 * Reads a file that `export.ts` made, on this phone or another, and believes nothing in it before all of it is checked:
 * what gets into the store is drawn by every screen.
 */

import { Problem } from "../problem";
import { FILE_PURPOSE } from "../sync/device-key";
import type { Fact } from "../sync/protocol";
import { CROPS, TRAP_TYPES } from "../trap/trap";
import type { Earlier } from "./database";
import { CONTENT, type Everything, FILE_VERSION, SIGNATURE, sha256Of } from "./export";
import { unzip } from "./zip";

/** As pestwatch/errors.py has them. */
const SENTENCES = {
  "422.70": "This file was not saved by pestwatch. Choose one whose name begins with pestwatch.",
  "422.71": "This file is damaged. Nothing was put back and nothing was lost. Copy it to this phone again.",
  "422.72": "A newer app saved this file. Open this app with the network on, then try again.",
} as const;

const problem = (number: keyof typeof SENTENCES): Problem => new Problem(number, {}, SENTENCES[number]);

/** A file that holds; `proof` shows the server that this phone has it. */
export interface Saved {
  content: Everything;
  files: Map<string, Blob>;
  proof: Earlier;
}

/**
 * Opens and checks the whole file, one photo after another.
 *
 * @throws Problem 422.70 when it is no file of ours, 422.71 when it is damaged, 422.72 when it needs a newer app
 */
export async function readSaved(file: Blob): Promise<Saved> {
  const files = await unzip(file).catch(() => null);
  const [text, signature] = [files?.get(CONTENT), files?.get(SIGNATURE)];
  if (!files || !text || !signature) throw problem((await isCutShort(file)) ? "422.71" : "422.70");
  try {
    const [sha256, proof] = await Promise.all([sha256Of(text), signature.text().then((said) => JSON.parse(said))]);
    if (proof.sha256 !== sha256 || !(await isSigned(proof))) throw problem("422.71");
    const content = JSON.parse(await text.text()) as Everything;
    if (content.v > FILE_VERSION) throw problem("422.72");
    if (content.phone !== proof.phone || !isWhole(content)) throw problem("422.71");
    for (const [name, { bytes, sha256 }] of Object.entries(content.files)) {
      const found = files.get(name);
      if (found?.size !== bytes || (await sha256Of(found)) !== sha256) throw problem("422.71");
    }
    const { phone, signature: signed } = proof as Earlier;
    return { content, files, proof: { phone, sha256, signature: signed } };
  } catch (error) {
    throw error instanceof Problem ? error : problem("422.71");
  }
}

/** Whether it begins as our files do, whatever became of the rest. */
async function isCutShort(file: Blob): Promise<boolean> {
  const begin = await file
    .slice(0, 60)
    .text()
    .catch(() => "");
  return begin.startsWith("PK") && begin.includes(CONTENT);
}

async function isSigned({ phone, sha256, signature }: Earlier): Promise<boolean> {
  const bytes = (base64: string) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", bytes(phone), { name: "ECDSA", namedCurve: "P-256" }, false, [
    "verify",
  ]);
  const content = new TextEncoder().encode(FILE_PURPOSE + sha256);
  return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, bytes(signature), content);
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isWholeNumber: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isAmount: Check = (value) => typeof value === "number" && value >= 0;
const isTrapName: Check = (value) => isText(value) && /^[a-z0-9]{1,16}$/.test(String(value));
const isDay: Check = (value) =>
  isText(value) && /^\d{4}-\d\d-\d\d/.test(String(value)) && !Number.isNaN(Date.parse(String(value)));
const isKey: Check = (value) => isText(value) && /^[A-Za-z0-9+/]{87}=$/.test(String(value));
const isObject: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const oneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const orNone =
  (check: Check): Check =>
  (value) =>
    value === undefined || orNull(check)(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const mapOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value as object).every(check);
const shaped =
  (shape: Record<string, Check>): Check =>
  (value) =>
    isObject(value) && Object.entries(shape).every(([name, check]) => check((value as Record<string, unknown>)[name]));

const isCounts = mapOf(isWholeNumber);
const isMark = shaped({ x: isAmount, y: isAmount, species: isText });
const isGate = shaped({ verdict: oneOf("good", "doubtful", "rejected"), reason: orNone(isText) });
const isRange: Check = (value) => listOf(isWholeNumber)(value) && (value as unknown[]).length === 2;
const isProblem = shaped({ number: isText, message: isText, params: isObject });
const isAdvice = shaped({
  level: isText,
  catch_rate: orNull(isAmount),
  messages: listOf(shaped({ id: isText, params: isObject })),
});

const BODIES: Record<Fact["kind"], Check> = {
  trap: shaped({
    trap: isTrapName,
    name: isText,
    pest: isText,
    crop: oneOf(...Object.keys(CROPS)),
    trap_type: oneOf(...Object.keys(TRAP_TYPES)),
    district: orNone(isText),
    subdistrict: orNone(isWholeNumber),
    village: orNone(isText),
    lure_changed_on: orNone(isDay),
    emptied_at: orNone(isDay),
    sown_on: orNone(isDay),
    lure_life_days: orNone(isWholeNumber),
  }),
  service: shaped({ trap: isTrapName, serviced_at: isDay, emptied: isFlag, lure_changed: isFlag }),
  observation: shaped({
    trap: isTrapName,
    taken_at: isDay,
    source: oneOf("photo", "hand"),
    counts: isCounts,
    nights: orNone(isAmount),
    emptied: isFlag,
    lure_age_days: orNone(isWholeNumber),
    gate: orNone(isGate),
    photo: orNone(isText),
    intervals: orNone(mapOf(isRange)),
  }),
  correction: shaped({ observation: isWholeNumber, counts: isCounts, marks: orNone(listOf(isMark)) }),
  inspection: shaped({
    trap: isTrapName,
    inspected_at: isDay,
    rule: orNone(isText),
    part: isText,
    looked: isWholeNumber,
    found: isWholeNumber,
  }),
};

const STATES = ["waiting", "asking", "elsewhere", "stored", "duplicate", "conflict", "rejected", "quarantined"];
const isDelivery = shaped({ status: oneOf(...STATES), problem: orNull(isProblem), answered_at: orNull(isDay) });
const isFact: Check = (value) => {
  const { kind, body } = (value ?? {}) as Fact;
  const isNamed = shaped({
    seq: isWholeNumber,
    at: isDay,
    delivery: isDelivery,
    was: orNone(shaped({ phone: isKey, seq: isWholeNumber })),
  });
  return isNamed(value) && Object.hasOwn(BODIES, kind) && BODIES[kind](body);
};

const isWhole = shaped({
  v: isWholeNumber,
  exported_at: isDay,
  phone: isKey,
  facts: listOf(isFact),
  photos: listOf(
    shaped({
      sha256: isText,
      observation: isWholeNumber,
      photo: orNull(isText),
      status: oneOf("waiting", "stored", "rejected", "elsewhere"),
      problem: orNull(isProblem),
    }),
  ),
  drafts: listOf(
    shaped({
      trap: isTrapName,
      begun_at: isDay,
      source: oneOf("photo", "hand"),
      photo: orNull(isText),
      counted: orNull(
        shaped({
          counts: isCounts,
          marks: listOf(isMark),
          gate: orNone(isGate),
          intervals: orNone(mapOf(isRange)),
        }),
      ),
      corrected: orNull(isWholeNumber),
      edits: orNone(listOf(shaped({ removed: orNull(isMark), added: orNull(isMark) }))),
      nights: orNull(isAmount),
      emptied: isFlag,
      taken_at: orNone(isDay),
    }),
  ),
  inspection: orNull(
    shaped({ trap: isTrapName, begun_on: isDay, rule: orNull(isText), part: isText, found: listOf(isWholeNumber) }),
  ),
  advisories: listOf(
    shaped({ id: isWholeNumber, region: isText, trap: orNull(isText), advice: isAdvice, issued_at: isDay }),
  ),
  recounts: listOf(shaped({ observation: isWholeNumber, counts: isCounts, at: isDay })),
  earlier: listOf(shaped({ phone: isKey, sha256: isText, signature: isText })),
  files: mapOf(shaped({ bytes: isWholeNumber, sha256: isText })),
});
