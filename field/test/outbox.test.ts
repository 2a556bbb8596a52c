import "fake-indexeddb/auto";
import { readFileSync } from "node:fs";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, test } from "vitest";
import { Problem } from "../src/problem";
import { closeDatabase, database } from "../src/store/database";
import { allDrafts, beginDraft, draftOf, dropDraft, keepDraft } from "../src/store/draft";
import {
  acknowledge,
  append,
  appendObservation,
  factsWithDeliveries,
  markAsSms,
  peek,
  photosToSend,
  refuse,
  settlePhoto,
  startAnew,
  waitingCount,
} from "../src/store/outbox";
import { keep, setting } from "../src/store/settings";
import type { AdvisoryChange, Change, Held, RecountChange, SyncResponse } from "../src/sync/protocol";
import { observation, trap } from "./facts";
import { goldenJson } from "./golden";

beforeEach(async () => {
  await closeDatabase();
  globalThis.indexedDB = new IDBFactory();
});

const enrolment = {
  device: 8,
  token: "t",
  region: "IN-MH-500",
  root: { key_id: "aa", public_key: "bb" },
  state: "active",
} as const;

/** What happens when the browser is killed and opened again. */
const reload = closeDatabase;

function answer(items: SyncResponse["items"], more: Partial<SyncResponse> = {}): SyncResponse {
  return {
    v: 1,
    server_time: "2026-11-25T03:04:05Z",
    clock_offset_ms: 0,
    device: "active",
    items,
    cursor: "c1",
    more: false,
    changes: [],
    release: null,
    ...more,
  };
}

describe("the outbox", () => {
  test("keeps facts over a reload, in order", async () => {
    await append(trap());
    await append(observation({ HELIAR: 3 }), observation({ HELIAR: 4 }));
    await reload();
    expect((await peek(10)).map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, "trap"],
      [2, "observation"],
      [3, "observation"],
    ]);
  });

  test("never gives a sequence number twice, however many append at once", async () => {
    const given = await Promise.all(Array.from({ length: 40 }, (_, n) => append(observation({ HELIAR: n }))));
    expect(new Set(given.flat()).size).toBe(40);
    expect(Math.max(...given.flat())).toBe(40);
    expect(await setting("last_seq")).toBe(40);
  });

  test("writes an observation and its correction together, the correction naming it", async () => {
    await append(trap());
    const seq = await appendObservation(observation({ HELIAR: 3 }), { counts: { HELIAR: 5 }, marks: null }, null);
    const [, seen, correction] = await peek(10);
    expect(seen?.seq).toBe(seq);
    expect(correction).toMatchObject({ kind: "correction", body: { observation: seq, counts: { HELIAR: 5 } } });
  });

  test("writes nothing at all when one of the facts cannot be stored", async () => {
    const broken = { ...observation({ HELIAR: 1 }), at: (() => "no structured clone") as unknown as string };
    await expect(append(observation({ HELIAR: 1 }), broken)).rejects.toThrow();
    expect(await waitingCount()).toBe(0);
    expect(await append(observation({ HELIAR: 2 }))).toEqual([1]);
  });

  test("goes on sending what was handed to the SMS app, until the server has answered", async () => {
    await append(trap(), observation({ HELIAR: 3 }));
    await acknowledge(answer([{ seq: 1, status: "stored", problem: null }]));
    await markAsSms([1, 2], "2026-11-25T03:00:00Z");
    expect((await peek(10)).map(({ seq }) => seq)).toEqual([2]);
    expect((await factsWithDeliveries()).map(({ delivery }) => delivery.sms_at)).toEqual([
      undefined,
      "2026-11-25T03:00:00Z",
    ]);
    await acknowledge(answer([{ seq: 2, status: "duplicate", problem: null }]));
    expect(await waitingCount()).toBe(0);
  });

  test("keeps refused facts where a person sees them, with the reason", async () => {
    await append(trap(), observation({ HELIAR: 3 }));
    const problem = {
      number: "422.5",
      message: "The field %(field)s is wrong: %(detail)s.",
      params: { field: "pest" },
    };
    await acknowledge(
      answer([
        { seq: 1, status: "stored", problem: null },
        { seq: 2, status: "rejected", problem },
      ]),
    );
    const all = await factsWithDeliveries();
    expect(all.map(({ delivery }) => delivery.status)).toEqual(["stored", "rejected"]);
    expect(all[1]?.delivery.problem).toEqual(problem);
    expect(all[1]?.fact.kind).toBe("observation");
    expect(await waitingCount()).toBe(0);
  });

  test("ignores an answer about a fact that it never made", async () => {
    await append(trap());
    await acknowledge(answer([{ seq: 99, status: "stored", problem: null }]));
    expect(await factsWithDeliveries()).toHaveLength(1);
    expect(await waitingCount()).toBe(1);
  });

  test("stores what the server tells together with the cursor", async () => {
    const recount = {
      kind: "recount",
      observation: 2,
      counts: { HELIAR: 9 },
      by: "officer",
      at: "2026-11-25T03:00:00Z",
    } as const;
    await acknowledge(answer([], { cursor: "c7", changes: [recount, { kind: "unknown" }] }));
    expect(await setting("cursor")).toBe("c7");
    expect(await (await database()).getAll("recounts")).toEqual([recount]);
  });

  test("lets a photo go only with consent, after its observation has arrived, and then lets go of it", async () => {
    const photo = new Blob(["jpeg"], { type: "image/jpeg" });
    await appendObservation(observation({ HELIAR: 3 }, { photo: "aa", photo_consent: true }), null, photo);
    await appendObservation(observation({ HELIAR: 3 }, { photo: "bb", photo_consent: false }), null, photo);
    expect(await photosToSend()).toEqual([]);
    await acknowledge(
      answer([
        { seq: 1, status: "duplicate", problem: null },
        { seq: 2, status: "stored", problem: null },
      ]),
    );
    expect((await photosToSend()).map(({ sha256 }) => sha256)).toEqual(["aa"]);
    await settlePhoto("aa", null);
    expect(await photosToSend()).toEqual([]);
    expect((await (await database()).get("photos", "aa"))?.photo).toBeNull();
  });

  test("a new enrolment gets the traps again and all that had not arrived", async () => {
    await append(trap(), observation({ HELIAR: 1 }), observation({ HELIAR: 2 }));
    await acknowledge(
      answer([
        { seq: 1, status: "stored", problem: null },
        { seq: 2, status: "stored", problem: null },
      ]),
    );
    await keep("asking", { code: "C", name: null, token: "t", state: "unsent" });
    await startAnew(enrolment, null);
    expect((await peek(10)).map(({ seq }) => seq)).toEqual([1, 3]);
    expect([await setting("asking"), await setting("cursor")]).toEqual([undefined, undefined]);
    expect(await setting("enrolment")).toEqual(enrolment);
    // What another enrolment brought is not this server's to lose.
    await acknowledge(answer([], { cursor: "c2", held: [] }));
    expect((await peek(10)).map(({ seq }) => seq)).toEqual([1, 3]);
    await startAnew(enrolment, []);
    expect((await peek(10)).map(({ seq }) => seq)).toEqual([1, 3]);
  });

  test("a new enrolment at a server that has lost some of it gets that as well", async () => {
    await append(trap(), observation({ HELIAR: 1 }), observation({ HELIAR: 2 }), observation({ HELIAR: 3 }));
    await acknowledge(answer([1, 2, 3, 4].map((seq) => ({ seq, status: "stored", problem: null }) as const)));
    await startAnew(enrolment, [
      [1, 2],
      [4, 4],
    ]);
    expect((await peek(10)).map(({ seq }) => seq)).toEqual([1, 3]);
    await acknowledge(answer([], { cursor: "c2", held: [] }));
    expect((await peek(10)).map(({ seq }) => seq)).toEqual([1, 3]);
    await startAnew(enrolment, [[1, 2]]);
    expect((await peek(10)).map(({ seq }) => seq)).toEqual([1, 3, 4]);
  });

  test("what a server that came back from a backup lacks waits again, and nothing else", async () => {
    await append(...Array.from({ length: 7 }, (_, n) => observation({ HELIAR: n })));
    const said = ["stored", "duplicate", "stored", "rejected", "conflict", "stored"] as const;
    await acknowledge(answer(said.map((status, place) => ({ seq: place + 1, status, problem: null }))));
    await refuse(7, { number: "413.1", message: "", params: {} });
    const held: Held = [
      [1, 2],
      [5, 5],
    ];
    expect(await acknowledge(answer([], { cursor: "c2", held }))).toBe(true);
    expect((await peek(10)).map(({ seq }) => seq)).toEqual([3, 4, 5, 6]);
    await acknowledge(answer([{ seq: 3, status: "stored", problem: null }], { cursor: "c2" }));
    expect(await acknowledge(answer([], { cursor: "c2", held: [] }))).toBe(false);
    expect((await peek(10)).map(({ seq }) => seq)).toEqual([4, 5, 6]);
  });

  test("a photo that is still here waits for its observation to arrive again", async () => {
    const photo = new Blob(["jpeg"], { type: "image/jpeg" });
    for (const name of ["aa", "bb"])
      await appendObservation(observation({ HELIAR: 3 }, { photo: name, photo_consent: true }), null, photo);
    await acknowledge(answer([1, 2].map((seq) => ({ seq, status: "stored", problem: null }) as const)));
    await acknowledge(answer([], { cursor: "c2", held: [[2, 2]] }));
    expect((await photosToSend()).map(({ sha256 }) => sha256)).toEqual(["bb"]);
    await acknowledge(answer([{ seq: 1, status: "stored", problem: null }], { cursor: "c2" }));
    expect((await photosToSend()).map(({ sha256 }) => sha256)).toEqual(["aa", "bb"]);
  });

  test("forgets the advice of another region when it is told to drop it, and takes what comes behind", async () => {
    await keep("enrolment", enrolment);
    const told = goldenJson<{ cases: { name: string; rows: Change[] }[] }>("wire.json");
    const changes = told.cases.find(({ name }) => name === "changes")?.rows as Change[];
    const advice = changes.find(({ kind }) => kind === "advisory") as AdvisoryChange;
    const recount = { ...changes.find(({ kind }) => kind === "recount"), observation: 1 } as RecountChange;
    const former = { ...advice, id: 1, region: enrolment.region };
    await acknowledge(answer([], { cursor: "c1", changes: [former, { ...advice, id: 2 }, recount] }));
    await acknowledge(answer([], { cursor: "c2", changes, device: "revoked" }), "key");
    const db = await database();
    expect((await db.getAll("advisories")).map(({ id }) => id)).toEqual([2, 7]);
    expect((await db.getAll("recounts")).map(({ observation }) => observation)).toEqual([1, 3]);
    const moved = { ...enrolment, region: "IN-MH-501", public_key: "key", state: "revoked" } as const;
    expect([await setting("enrolment"), await setting("cursor")]).toEqual([moved, "c2"]);
    await startAnew(enrolment, null);
    expect(await db.getAll("advisories")).toEqual([]);
  });
});

describe("the draft", () => {
  test("is restored after the camera pushed the page out of memory", async () => {
    await beginDraft("t1", "photo", 3);
    await reload();
    expect(await draftOf("t1")).toMatchObject({ trap: "t1", source: "photo", nights: 3, photo: null, emptied: true });
  });

  test("of one trap does not touch that of another", async () => {
    await keepDraft({ ...(await beginDraft("t1", "hand", null)), corrected: 12 });
    await beginDraft("t2", "photo", 1);
    expect((await allDrafts()).map(({ trap }) => trap).sort()).toEqual(["t1", "t2"]);
    expect((await draftOf("t1"))?.corrected).toBe(12);
  });

  test("goes in the moment in which its observation is written, and only then", async () => {
    await beginDraft("t1", "hand", 3);
    await append(trap());
    expect(await draftOf("t1")).toBeDefined();
    await appendObservation(observation({ HELIAR: 3 }, { source: "hand" }), null, null);
    expect(await draftOf("t1")).toBeUndefined();
  });

  test("comes back with the number that a person had set, and goes when it is dropped", async () => {
    await keepDraft({ ...(await beginDraft("t1", "hand", null)), corrected: 12 });
    await reload();
    expect((await draftOf("t1"))?.corrected).toBe(12);
    await dropDraft("t1");
    expect(await draftOf("t1")).toBeUndefined();
  });
});

test("every Problem of the phone has the number and the words of pestwatch/errors.py", () => {
  const python = readFileSync(new URL("../../pestwatch/errors.py", import.meta.url), "utf8");
  const phone = readFileSync(new URL("../src/problem.ts", import.meta.url), "utf8");
  const numbers = [...phone.matchAll(/^ {2}"(\d{3}\.\d+)":/gm)].map(([, number]) => number as string);
  expect(numbers.length).toBeGreaterThan(5);
  for (const number of numbers) {
    const { message } = new Problem(number as never);
    expect(python, number).toContain(`"${number}": "${message}"`);
  }
});
