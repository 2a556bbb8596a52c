import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, expect, test, vi } from "vitest";
import { asProblem } from "../src/problem";
import { closeDatabase } from "../src/store/database";
import { keep } from "../src/store/settings";
import { type Connection, linkOf, needsAsking } from "../src/sync/link";
import { maySendPhotos } from "../src/sync/photo-policy";

const MODEL_BYTES = 220_000;
const LARGE_BYTES = 400_000;

beforeEach(async () => {
  await closeDatabase();
  globalThis.indexedDB = new IDBFactory();
  vi.unstubAllGlobals();
});

test.each<[Connection | undefined, string]>([
  [{ type: "wifi" }, "free"],
  [{ type: "cellular" }, "metered"],
  [{ type: "wifi", saveData: true }, "metered"],
  [{ type: "unknown" }, "unknown"],
  [{}, "unknown"],
  [undefined, "unknown"],
])("%o is %s", (connection, link) => {
  expect(linkOf(connection)).toBe(link);
});

test("every download over mobile data is asked about, and large ones unless the link is known to be free", () => {
  expect(needsAsking(MODEL_BYTES, undefined)).toBe(false);
  expect(needsAsking(1, { type: "cellular" })).toBe(true);
  expect(needsAsking(LARGE_BYTES, { type: "cellular" })).toBe(true);
  expect(needsAsking(LARGE_BYTES, undefined)).toBe(true);
  expect(needsAsking(LARGE_BYTES, { type: "wifi" })).toBe(false);
  expect(needsAsking(1, { type: "wifi", saveData: true })).toBe(true);
});

const CASES: [boolean, "wifi" | "asked" | undefined, string | undefined, boolean, boolean][] = [
  // consent, setting, link, asked -> goes
  [false, "wifi", "wifi", true, false],
  [true, undefined, "wifi", false, true],
  [true, "wifi", "cellular", false, false],
  [true, "wifi", undefined, false, false],
  [true, "wifi", "cellular", true, true],
  [true, "asked", "wifi", false, false],
  [true, "asked", undefined, true, true],
];

test.each(CASES)("agreed %s, set to %s, link %s, asked %s: photos go %s", async (agreed, go, type, asked, goes) => {
  vi.stubGlobal("navigator", { connection: type && { type } });
  await keep("send_photos", agreed);
  if (go) await keep("photos_go", go);
  expect(await maySendPhotos(asked)).toBe(goes);
});

test("a full phone is told as one, wherever it is met", () => {
  expect(asProblem(new DOMException("full", "QuotaExceededError")).number).toBe("507.1");
});
