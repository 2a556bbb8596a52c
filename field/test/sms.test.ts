import { describe, expect, test } from "vitest";
import { smsKey } from "../src/sync/enrol";
import type { Fact } from "../src/sync/protocol";
import { toTell, writeSms } from "../src/sync/sms";
import { goldenJson } from "./golden";

interface Case {
  name: string;
  device: number;
  limit_bytes: number;
  facts: Fact[];
  text: string;
  fitted: number;
}

const golden = goldenJson<{ key: string; cases: Case[] }>("sms.json");
const key = await smsKey(Buffer.from(golden.key, "hex").toString("base64"));
const waiting = (facts: Fact[]) => facts.map((fact) => ({ fact, delivery: { status: "waiting" as const } }));

describe("an SMS", () => {
  test.each(golden.cases)("says what the server's twin says: $name", async (one) => {
    const sms = await writeSms(one.device, key, toTell(waiting(one.facts)), one.limit_bytes);
    expect(sms).toEqual({ text: one.text, fitted: one.fitted });
  });

  test("tells only what waits", () => {
    const [trap, ...counts] = waiting(golden.cases[0]?.facts ?? []);
    const stored = [
      trap,
      ...counts.map((one, n) => (n === 0 ? { ...one, delivery: { status: "stored" as const } } : one)),
    ];
    expect(toTell(stored.filter((one) => one !== undefined)).length).toBe(counts.length - 1);
  });

  test("leaves out what it has no words for: an unknown pest, and a count of another one", () => {
    const [trap, one] = golden.cases[0]?.facts ?? [];
    if (trap?.kind !== "trap" || one?.kind !== "observation") throw new Error("other golden cases than thought");
    expect(toTell(waiting([{ ...trap, body: { ...trap.body, pest: "UNKNOWN" } }, one]))).toEqual([]);
    expect(toTell(waiting([{ ...trap, body: { ...trap.body, pest: "PECTGO" } }, one]))).toEqual([]);
  });

  test("tells of a rejected photo, and a person's number for it, where nothing was counted", async () => {
    const [trap, one] = golden.cases[0]?.facts ?? [];
    if (trap?.kind !== "trap" || one?.kind !== "observation") throw new Error("other golden cases than thought");
    const gate = { verdict: "rejected", reason: "too_dark" } as const;
    const photo = { ...one.body, source: "photo", gate, intervals: {} } as const;
    const number: Fact = {
      kind: "correction",
      seq: one.seq + 1,
      at: one.at,
      body: { observation: one.seq, counts: { HELIAR: 4 }, marks: null },
    };
    const told = toTell(waiting([trap, { ...one, body: { ...photo, counts: {} } }, number]));
    expect(told.map(({ corrected }) => corrected)).toEqual([4]);
    const zero = toTell(waiting([trap, { ...one, body: { ...photo, counts: { HELIAR: 0 } } }, number]));
    expect(await writeSms(7, key, told)).toEqual(await writeSms(7, key, zero));
  });

  test("keeps the pest that a trap was hung for when it was counted", () => {
    const [trap, one] = golden.cases[0]?.facts ?? [];
    if (trap?.kind !== "trap" || one?.kind !== "observation") throw new Error("other golden cases than thought");
    const changed: Fact = { ...trap, seq: 900, body: { ...trap.body, pest: "PECTGO" } };
    expect(toTell(waiting([trap, one, changed]))[0]?.pest).toBe("HELIAR");
  });

  test("is signed with a key that cannot be read out", async () => {
    await expect(crypto.subtle.exportKey("raw", key)).rejects.toThrow();
  });
});
