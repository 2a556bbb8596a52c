import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, test } from "vitest";
import { closeDatabase } from "../src/store/database";
import { fromCbor, toCbor } from "../src/sync/cbor";
import { deviceKey, signed } from "../src/sync/device-key";
import { FACTS, fromTable, ITEMS, type Table, toTable } from "../src/sync/table";
import { goldenJson } from "./golden";

interface Case {
  name: string;
  kind: "facts" | "items";
  rows: object[];
  table: Table | null;
  rows_cbor: string;
  table_cbor: string | null;
}

const golden = goldenJson<{ signature: Record<"public_key" | "body" | "signature", string>; cases: Case[] }>(
  "wire.json",
);
const tables = golden.cases.flatMap(({ table, table_cbor, ...one }) =>
  table && table_cbor ? [{ ...one, usual: one.kind === "items" ? ITEMS : FACTS, table, table_cbor }] : [],
);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("a list", () => {
  test.each(tables)("is the table that the server's twin writes: $name", ({ rows, usual, table }) => {
    expect(toTable(rows, usual)).toEqual(table);
  });

  test.each(tables)("is read out of its table again: $name", ({ rows, usual, table }) => {
    expect(fromTable(table, usual)).toEqual(rows);
  });

  test("stays a list where a name has a dot in it, or where it has too many names", () => {
    expect(toTable([{ "a.b": 1 }], FACTS)).toBeNull();
    expect(toTable([{ a: { "": 1 } }], FACTS)).toBeNull();
    expect(toTable([Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`n${n}`, n]))], FACTS)).toBeNull();
  });
});

describe("CBOR", () => {
  test.each(golden.cases)("says what the server's library says: $name", ({ rows, rows_cbor, table, table_cbor }) => {
    expect(hex(toCbor(rows))).toBe(rows_cbor);
    expect(fromCbor(Buffer.from(rows_cbor, "hex"))).toEqual(rows);
    if (table) expect(hex(toCbor(table))).toBe(table_cbor);
  });

  test("says of everything what JSON says of it", () => {
    const cut = "well \ud83d";
    const odd = {
      a: undefined,
      b: [undefined, Number.NaN, Number.POSITIVE_INFINITY],
      c: -0,
      d: 1e300,
      e: 2 ** 53,
      f: cut,
    };
    const { f, ...others } = JSON.parse(JSON.stringify(odd));
    expect(fromCbor(toCbor(odd))).toEqual({ ...others, f: "well ?" });
    expect(f).toBe(cut);
    for (const number of [
      23,
      24,
      255,
      256,
      65535,
      65536,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 53 - 1,
      -24,
      -25,
      -(2 ** 53) + 1,
    ]) {
      expect(fromCbor(toCbor(number))).toBe(number);
    }
  });

  test.each(["", "8", "82 01", "63 6162", "5f4100ff", "c101", "9fff", "fb00", "1c"])(
    "is refused when it is none: %s",
    (bad) => {
      expect(() => fromCbor(Buffer.from(bad.replaceAll(" ", ""), "hex"))).toThrow();
    },
  );
});

describe("the key of a phone", () => {
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const verified = async (publicKey: string, signature: string, body: string): Promise<boolean> => {
    const key = await crypto.subtle.importKey("raw", Buffer.from(publicKey, "base64"), curve, false, ["verify"]);
    const content = Buffer.from(`pestwatch sync 1\n${body}`);
    return crypto.subtle.verify({ ...curve, hash: "SHA-256" }, key, Buffer.from(signature, "base64"), content);
  };

  beforeEach(async () => {
    await closeDatabase();
    globalThis.indexedDB = new IDBFactory();
  });

  test("signs in the form that the server's twin writes and checks", async () => {
    const { public_key, body, signature } = golden.signature;
    expect(await verified(public_key, signature, body)).toBe(true);
    const key = await deviceKey();
    const ours = await signed(key, new TextEncoder().encode(body));
    expect(ours.length).toBe(signature.length);
    expect(await verified(key.public_key, ours, body)).toBe(true);
    expect(await verified(key.public_key, ours, `${body}.`)).toBe(false);
  });

  test("is made once, also when two ask at once, and cannot be read out", async () => {
    const [one, other] = await Promise.all([deviceKey(), deviceKey()]);
    expect(one.public_key).toBe(other.public_key);
    expect((await deviceKey()).public_key).toBe(one.public_key);
    await expect(crypto.subtle.exportKey("pkcs8", one.secret)).rejects.toThrow();
  });
});
