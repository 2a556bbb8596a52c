import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, expect, test, vi } from "vitest";
import { asProblem } from "../src/problem";
import { closeDatabase, type Draft, database } from "../src/store/database";
import { keepDraft } from "../src/store/draft";
import { everything } from "../src/store/export";
import { append, appendObservation, factsWithDeliveries, peek, startAnew } from "../src/store/outbox";
import { putBack, settleEarlier, whatComes } from "../src/store/put-back";
import { readSaved } from "../src/store/saved-file";
import { setting } from "../src/store/settings";
import { deviceKey } from "../src/sync/device-key";
import { myTraps } from "../src/trap/my-traps";
import { observation, trap } from "./facts";

vi.stubGlobal("__APP_VERSION__", "0.0.0");

const PHOTO = new Blob(["a photo, or so"], { type: "image/jpeg" });
const SHA256 = "5".repeat(64);
const NOTHING = { traps: 0, counts: 0, photos: 0, unsaved: 0, unsent: 0 };

const draft: Draft = {
  trap: "t1",
  begun_at: "2026-11-24T02:00:00Z", // in the second in which the count before it was saved
  source: "photo",
  photo: PHOTO,
  sha256: null,
  counted: null,
  corrected: null,
  edits: [],
  nights: 1,
  emptied: true,
};

/** Each phone has a store of its own. */
async function use(phone: IDBFactory): Promise<void> {
  await closeDatabase();
  globalThis.indexedDB = phone;
}

const [old, next] = [new IDBFactory(), new IDBFactory()];
let saved: Blob;

/** One trap, a count that has arrived, and one with a correction and a photo that has not; another is not saved yet. */
async function fill(): Promise<void> {
  await append(trap());
  await appendObservation(observation({ HELIAR: 3 }), null, null);
  const db = await database();
  for (const seq of [1, 2]) {
    await db.put("deliveries", { seq, status: "stored", problem: null, answered_at: "2026-11-23T04:00:00Z" });
  }
  const withPhoto = observation({ HELIAR: 7 }, { photo: SHA256, photo_consent: true });
  await appendObservation({ ...withPhoto, at: "2026-11-24T02:00:00Z" }, { counts: { HELIAR: 8 }, marks: null }, PHOTO);
  await db.put("recounts", {
    kind: "recount",
    observation: 2,
    counts: { HELIAR: 5 },
    by: "officer",
    at: "2026-11-24T04:00:00Z",
  });
  await keepDraft(draft);
}

beforeEach(async () => {
  Object.assign(old, new IDBFactory());
  for (const phone of [old, next]) {
    await use(phone);
    const db = await database();
    for (const store of db.objectStoreNames) await db.clear(store);
  }
  await use(old);
  await fill();
  saved = await everything();
  await use(next);
});

const statuses = async (): Promise<string[]> =>
  (await factsWithDeliveries()).map(({ fact, delivery }) => `${fact.seq} ${fact.kind} ${delivery.status}`);

test("a new phone gets everything, once, and asks before it sends what had not been sent", async () => {
  const file = await readSaved(saved);
  expect(await whatComes(file)).toEqual({ traps: 1, counts: 2, photos: 2, unsaved: 1, unsent: 2 });
  await putBack(file, true);
  const all = ["1 trap waiting", "2 observation stored", "3 observation asking", "4 correction asking"];
  expect(await statuses()).toEqual(all);
  expect((await myTraps())[0]?.counts.map(({ count, by }) => [count, by])).toEqual([
    [5, "officer"],
    [8, "farmer"],
  ]);
  expect((await peek(9)).map(({ seq }) => seq)).toEqual([1]);
  const db = await database();
  expect(await (await db.get("photos", SHA256))?.photo?.text()).toBe("a photo, or so");
  expect((await db.get("drafts", "t1"))?.photo?.type).toBe("image/jpeg");
  expect((await setting("earlier"))?.map(({ phone }) => phone)).toEqual([file.content.phone]);

  await db.delete("drafts", "t1");
  expect(await whatComes(await readSaved(saved))).toEqual({ ...NOTHING });
  await putBack(file, true);
  expect(await statuses()).toEqual(all);
  expect(await db.count("drafts")).toBe(0);
});

test("what the old phone sent after all stays sent, with its photo here; the rest goes out under numbers of this phone", async () => {
  const file = await readSaved(saved);
  await append(trap({ trap: "own" }));
  await putBack(file, true);
  const asked = (await setting("earlier")) ?? [];
  await settleEarlier(asked, new Set([`3 ${file.content.phone}`]));
  expect(await statuses()).toEqual([
    "1 trap waiting",
    "2 trap waiting",
    "3 observation stored",
    "4 observation stored",
    "5 correction waiting",
  ]);
  const facts = await peek(9);
  expect(facts.at(-1)).toMatchObject({ seq: 5, body: { observation: 4 }, was: { seq: 4 } });
  expect((await (await database()).get("photos", SHA256))?.status).toBe("elsewhere");
  expect(await setting("earlier")).toBeUndefined();
});

test("what the old phone still sends is only shown, also after an enrolment, until a person says that it is gone", async () => {
  const file = await readSaved(saved);
  await putBack(file, false);
  const root = { key_id: "a", public_key: "b" };
  await startAnew({ device: 9, token: "t", region: "IN-MH-500", root, state: "active" }, null);
  expect(await statuses()).toEqual([
    "1 trap waiting",
    "2 observation stored",
    "3 observation elsewhere",
    "4 correction elsewhere",
  ]);
  expect(await setting("earlier")).toBeUndefined();
  expect(await whatComes(file)).toEqual({ ...NOTHING, unsent: 2 });
  await putBack(file, true);
  expect((await statuses()).slice(2)).toEqual(["3 observation asking", "4 correction asking"]);
});

test("a file that comes back to its own phone, also by way of another, changes nothing", async () => {
  await putBack(await readSaved(saved), true);
  const fromNext = await everything();
  await use(old);
  const before = await statuses();
  for (const file of [saved, fromNext]) {
    const read = await readSaved(file);
    const { traps, counts, unsent } = await whatComes(read);
    expect([traps, counts, unsent]).toEqual([0, 0, 0]);
    await putBack(read, true);
    expect(await statuses()).toEqual(before);
  }
});

test("the file holds no token and no key but the public one", async () => {
  await use(old);
  const { public_key } = await deviceKey();
  await (await database()).put(
    "settings",
    { device: 7, token: "se-cret", region: "IN-MH-500", root: { key_id: "a", public_key: "b" }, state: "active" },
    "enrolment",
  );
  const text = await (await everything()).text();
  expect(text).not.toContain("se-cret");
  expect(text).toContain(public_key);
});

const bytesOf = async (): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array(await saved.arrayBuffer());

test("a file that is cut short anywhere, or in which any byte has changed that matters, is refused", async () => {
  const whole = await bytesOf();
  for (let at = 61; at < whole.length; at += 97) {
    const error = await readSaved(new Blob([whole.slice(0, at)])).catch(asProblem);
    expect(error).toMatchObject({ number: "422.71" });
  }
  const json = new TextDecoder("latin1").decode(whole);
  for (const [word, other] of [
    ['"HELIAR": 7', '"HELIAR": 9'],
    ["a photo, or so", "a photo, or no"],
    ['"signature":', '"Signature":'],
  ] as const) {
    const at = json.indexOf(word);
    expect(at).toBeGreaterThan(0);
    const changed = whole.slice();
    changed.set(new TextEncoder().encode(other).slice(0, word.length), at);
    expect(await readSaved(new Blob([changed])).catch(asProblem)).toMatchObject({ number: "422.71" });
  }
  expect(await statuses()).toEqual([]);
});

test.each([
  ["nothing", ""],
  ["a photo", "\xff\xd8\xff"],
  ["a zip of somebody else", "PK\u0005\u0006".padEnd(22, "\0")],
])("%s is no file of ours", async (_, content) => {
  const bytes = Uint8Array.from(content, (letter) => letter.charCodeAt(0));
  expect(await readSaved(new Blob([bytes])).catch(asProblem)).toMatchObject({ number: "422.70" });
});

test("what a screen could not draw is not let in, though the phone that made it signed it", async () => {
  await use(old);
  await append(trap({ crop: "gold" as never }));
  const bad = await everything();
  await use(next);
  expect(await readSaved(bad).catch(asProblem)).toMatchObject({ number: "422.71" });
});
