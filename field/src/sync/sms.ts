/**
 * Observations as one SMS, for a phone without data; `pestwatch/sync/sms.py` reads the same bits.
 *
 * Says less than the fact that stays in the outbox, and nothing else; docs/sms.md draws it.
 */

import rules from "../../generated/rules.json" with { type: "json" };
import type { Delivery } from "../store/database";
import type { CorrectionBody, Fact, Gate } from "./protocol";

const VERSION = 1;
const PREFIX = "PW:";
/** What 160 letters carry: three for the prefix, and 156 of base45, three letters for two bytes. */
export const TEXT_BYTES = 104;
const TAG_BYTES = 8;
const EPOCH_MS = Date.UTC(2026, 0, 1);
const BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const NAME_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const PESTS = rules.species.map(({ key }) => key);
const VERDICTS: (Gate["verdict"] | undefined)[] = [undefined, "good", "doubtful", "rejected"];

/** An observation as an SMS tells it: the count of the trap's own pest, and the farmer's own number if there is one. */
export interface Told {
  fact: Extract<Fact, { kind: "observation" }>;
  pest: string;
  corrected: number | null;
}

/** What waits and can be told, oldest first. Each pest is that of its trap when it was counted. */
export function toTell(stored: { fact: Fact; delivery: Pick<Delivery, "status"> }[]): Told[] {
  const pests = new Map<string, string>();
  const told = new Map<number, Told>();
  for (const { fact, delivery } of stored) {
    if (fact.kind === "trap") pests.set(fact.body.trap, fact.body.pest);
    if (fact.kind === "correction") correct(told.get(fact.seq - 1), fact.body);
    if (fact.kind !== "observation" || delivery.status !== "waiting") continue;
    const pest = pests.get(fact.body.trap);
    const isCounted = pest !== undefined && (pest in fact.body.counts || fact.body.gate?.verdict === "rejected");
    if (isCounted && PESTS.includes(pest)) told.set(fact.seq, { fact, pest, corrected: null });
  }
  return [...told.values()];
}

/** A correction that follows its observation directly, as all of ours do, goes with it. */
function correct(told: Told | undefined, { observation, counts }: CorrectionBody): void {
  if (told?.fact.seq === observation) told.corrected = counts[told.pest] ?? null;
}

/** The text of one SMS with as many observations as fit, and how many these are. */
export async function writeSms(
  device: number,
  key: CryptoKey,
  told: Told[],
  limitBytes = TEXT_BYTES,
): Promise<{ text: string; fitted: number }> {
  let fitted = 1;
  let content = pack(device, told.slice(0, 1));
  for (let more = 2; more <= told.length; more++) {
    const longer = pack(device, told.slice(0, more));
    if (longer.length + TAG_BYTES > limitBytes) break;
    fitted = more;
    content = longer;
  }
  const tag = new Uint8Array(await crypto.subtle.sign("HMAC", key, content), 0, TAG_BYTES);
  return { text: PREFIX + base45([...content, ...tag]), fitted };
}

function base45(bytes: number[]): string {
  let letters = "";
  for (let at = 0; at < bytes.length; at += 2) {
    const pair = bytes.slice(at, at + 2);
    let value = pair.reduce((sum, byte) => sum * 256 + byte, 0);
    for (let n = 0; n <= pair.length; n++) {
      letters += BASE45[value % 45];
      value = Math.floor(value / 45);
    }
  }
  return letters;
}

const fixed = (value: number, width: number): string => (width ? value.toString(2).padStart(width, "0") : "");

/** A whole number >= 0: the lowest `width` bits first, each group behind a 1 if another follows. */
function whole(value: number, width: number): string {
  const rest = Math.floor(value / 2 ** width);
  return (rest ? "1" : "0") + fixed(value % 2 ** width, width) + (rest ? whole(rest, width) : "");
}

/** Any whole number: 0, -1, 1, -2, … are numbers 0, 1, 2, 3, … */
const signed = (value: number, width: number): string => whole(value >= 0 ? value * 2 : -value * 2 - 1, width);

const minutesOf = ({ fact }: Told): number => Math.floor((Date.parse(fact.body.taken_at) - EPOCH_MS) / 60_000);

function pack(device: number, told: Told[]): Uint8Array<ArrayBuffer> {
  const nameOf = ({ fact, pest }: Told): string => `${fact.body.trap} ${pest}`;
  const traps = new Map(told.map((one) => [nameOf(one), one]));
  const places = [...traps.keys()];
  let bits = fixed(VERSION, 4) + whole(device, 7) + whole(traps.size - 1, 2);
  for (const { fact, pest } of traps.values()) {
    bits += fixed(fact.body.trap.length - 1, 4);
    for (const letter of fact.body.trap) bits += fixed(NAME_LETTERS.indexOf(letter), 6);
    bits += whole(PESTS.indexOf(pest), 5);
  }
  bits += whole(told.length - 1, 4);
  let seq = 0;
  let minutes = 0;
  for (const one of told) {
    const { fact, corrected } = one;
    bits += whole(fact.seq - seq - 1, seq === 0 ? 7 : 1) + signed(minutesOf(one) - minutes, 7);
    bits += fixed(places.indexOf(nameOf(one)), 32 - Math.clz32(traps.size - 1));
    bits += observed(one);
    seq = fact.seq;
    minutes = minutesOf(one);
    if (fact.body.source === "photo") {
      bits += corrected === null ? "0" : `1${whole(corrected, 4)}`;
      if (corrected !== null) seq++;
    }
  }
  const bytes = bits.match(/.{1,8}/g) ?? [];
  return Uint8Array.from(bytes, (byte) => Number.parseInt(byte.padEnd(8, "0"), 2));
}

/** What an SMS says of one observation, besides its number, time and trap. */
function observed({ fact: { body }, pest }: Told): string {
  const count = body.counts[pest] ?? 0;
  const age = body.lure_age_days;
  let bits = whole(Number.isInteger(body.nights) ? Number(body.nights) : 0, 4); // part of a night is told as unknown
  bits += whole(count, 4) + Number(body.emptied) + whole(age === null ? 0 : age + 1, 5);
  if (body.source === "hand") return `${bits}0`;
  bits += `1${fixed(VERDICTS.indexOf(body.gate?.verdict), 2)}`;
  const [least, greatest] = body.intervals?.[pest] ?? [1, 0];
  const holds = least <= count && count <= greatest;
  return bits + (holds ? `1${whole(count - least, 3)}${whole(greatest - count, 3)}` : "0");
}
