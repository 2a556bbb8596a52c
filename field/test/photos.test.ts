import "fake-indexeddb/auto";
import { createHash } from "node:crypto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { closeDatabase, database, type KeptPhoto } from "../src/store/database";
import { append, appendObservation, waitingCount } from "../src/store/outbox";
import { keep, setting } from "../src/store/settings";
import { flush } from "../src/sync/flush";
import { PART_BYTES } from "../src/sync/photos";
import { instant, type SyncRequest } from "../src/sync/protocol";
import { observation, trap } from "./facts";
import { factsOf, readMessage } from "./message";

const PHOTO = new Uint8Array(150_000).map((_, at) => (at * 7) % 251);
const SHA256 = hash(PHOTO);

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Keeps photos as the real server does; what goes wrong, a test says. */
class Server {
  halves = new Map<string, Uint8Array>();
  whole = new Set<string>();
  /** Offsets of the parts that came. */
  parts: number[] = [];
  syncs = 0;
  /** Called for each part: may break the link before the part is kept, or after. */
  before: (offset: number) => void = () => {};
  after: (offset: number) => void = () => {};
  refuses: Response | null = null;

  fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (url.endsWith("/sync")) return this.#sync(readMessage(init));
    if (this.refuses) return this.refuses.clone();
    const sha256 = url.split("/").at(-1) as string;
    if (this.whole.has(sha256)) return Response.json({ sha256, offset: 0, complete: true });
    const here = (): Uint8Array => this.halves.get(sha256) ?? new Uint8Array();
    if (init.method !== "PATCH") return Response.json({ sha256, offset: here().length, complete: false });
    const headers = init.headers as Record<string, string>;
    const [offset, length] = [Number(headers["upload-offset"]), Number(headers["upload-length"])];
    this.parts.push(offset);
    this.before(offset);
    const half = here();
    if (offset !== half.length) return problem(409, "409.2", { offset: half.length });
    const grown = new Uint8Array([...half, ...new Uint8Array(init.body as ArrayBuffer)]);
    this.halves.set(sha256, grown);
    this.after(offset);
    if (grown.length < length) return Response.json({ sha256, offset: grown.length, complete: false });
    this.halves.delete(sha256);
    if (hash(grown) !== sha256) return problem(422, "422.6");
    this.whole.add(sha256);
    return Response.json({ sha256, offset: length, complete: true }, { status: 201 });
  };

  #sync(message: SyncRequest): Response {
    this.syncs++;
    const items = factsOf(message).map(({ seq }) => ({ seq, status: "stored", problem: null }));
    const answer = { v: 1, server_time: instant(new Date()), clock_offset_ms: 0, device: "active", items, cursor: "c" };
    return Response.json({ ...answer, more: false, changes: [], release: null });
  }
}

function problem(status: number, number: string, params: object = {}): Response {
  return Response.json({ problem: { number, message: "no", params, text: "no" } }, { status });
}

function breakLink(): never {
  throw new TypeError("Failed to fetch");
}

let server: Server;

beforeEach(async () => {
  await closeDatabase();
  globalThis.indexedDB = new IDBFactory();
  server = new Server();
  vi.stubGlobal("fetch", server.fetch);
  vi.stubGlobal("navigator", { connection: { type: "wifi" } });
  await keep("consent", { version: 1, at: "2026-11-25T00:00:00Z", locale: "hi", agreed: true });
  const root = { key_id: "aa", public_key: "bb" };
  await keep("enrolment", { device: 7, token: "secret", region: "IN-MH-500", root, state: "active" });
  await keep("send_photos", true);
});

afterEach(() => void vi.unstubAllGlobals());

async function count(bytes: Uint8Array = PHOTO, sha256 = hash(bytes)): Promise<void> {
  const photo = new Blob([bytes as BlobPart], { type: "image/jpeg" });
  await appendObservation(observation({ HELIAR: 3 }, { photo: sha256, photo_consent: true }), null, photo);
}

async function kept(sha256 = SHA256): Promise<KeptPhoto | undefined> {
  return (await database()).get("photos", sha256);
}

describe("photos", () => {
  test("go after their facts, part by part, and leave the phone", async () => {
    await count();
    expect((await flush()).state).toBe("sent");
    expect(server.parts).toEqual([0, PART_BYTES, 2 * PART_BYTES]);
    expect(server.whole).toEqual(new Set([SHA256]));
    expect(await kept()).toMatchObject({ status: "stored", photo: null });
  });

  test("stay while the farmer does not agree", async () => {
    await keep("send_photos", false);
    await count();
    await flush();
    expect(server.parts).toEqual([]);
    expect(await waitingCount()).toBe(0);
  });

  test("stop where they are when they may not go any more, and go on there", async () => {
    await count();
    server.after = () => void keep("send_photos", false);
    expect((await flush()).state).toBe("sent");
    expect(server.parts).toEqual([0]);
    server.after = () => {};
    await keep("send_photos", true);
    await flush();
    expect(server.parts).toEqual([0, PART_BYTES, 2 * PART_BYTES]);
  });

  test("go on where a broken link left them", async () => {
    await count();
    server.before = (offset) => void (offset === PART_BYTES && breakLink());
    expect(await flush()).toMatchObject({ state: "failed", problem: { number: "502.1" } });
    server.before = () => {};
    await flush("asked");
    expect(server.parts).toEqual([0, PART_BYTES, PART_BYTES, 2 * PART_BYTES]);
    expect(await kept()).toMatchObject({ status: "stored" });
  });

  test("do not send a part again that arrived although its answer did not", async () => {
    await count();
    server.after = (offset) => void (offset === PART_BYTES && breakLink());
    await flush();
    server.after = () => {};
    await flush("asked");
    expect(server.parts).toEqual([0, PART_BYTES, 2 * PART_BYTES]);
  });

  test("take the server's word for where to go on, and give way to somebody else who sends", async () => {
    await count();
    server.before = (offset) => void (offset === 0 && server.halves.set(SHA256, PHOTO.slice(0, 100_000)));
    expect((await flush()).state).toBe("sent");
    expect(server.parts).toEqual([0, 100_000]);
    await count(PHOTO.slice(1));
    server.before = (offset) => void server.halves.set(hash(PHOTO.slice(1)), PHOTO.slice(1, offset + 9));
    expect(await flush()).toMatchObject({ state: "failed", problem: { number: "409.2" } });
  });

  test("that the server refuses say why and hold up no others", async () => {
    await count();
    await count(PHOTO.slice(1));
    server.refuses = problem(403, "403.2");
    expect((await flush()).state).toBe("sent");
    expect(await kept()).toMatchObject({ status: "rejected", problem: { number: "403.2" } });
    expect(await kept(hash(PHOTO.slice(1)))).toMatchObject({ status: "rejected" });
  });

  test("hold up no counts when the server cannot store them", async () => {
    await count();
    server.refuses = problem(503, "503.4", { seconds: 30 });
    expect((await flush()).state).toBe("sent");
    expect(await setting("back_off")).toBeUndefined();
    await append(trap());
    expect((await flush()).state).toBe("sent");
    expect(await waitingCount()).toBe(0);
    server.refuses = null;
    await flush();
    expect(server.whole.has(SHA256)).toBe(true);
  });

  test("spoilt on their way are sent again; spoilt on the phone they never are", async () => {
    await count();
    server.after = (offset) => {
      const half = server.halves.get(SHA256) as Uint8Array;
      if (offset === 0) half[5] = 255;
    };
    await flush();
    expect(await kept()).toMatchObject({ status: "waiting" });
    server.after = () => {};
    await flush();
    expect(await kept()).toMatchObject({ status: "stored" });
    await count(PHOTO.slice(2), "ab".repeat(32));
    await flush();
    expect(await kept("ab".repeat(32))).toMatchObject({ status: "rejected", problem: { number: "422.6" } });
  });

  test("do not ask a server for ever that stands still", async () => {
    await count();
    vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
      if (init.method !== "PATCH") return server.fetch(url, init);
      server.parts.push(0);
      return Response.json({ sha256: SHA256, offset: 0, complete: false });
    });
    await flush();
    expect(server.parts).toEqual([0]);
  });
});
