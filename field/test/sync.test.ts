import "fake-indexeddb/auto";
import { createPublicKey, verify } from "node:crypto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { closeDatabase } from "../src/store/database";
import { append, factsWithDeliveries, waitingCount } from "../src/store/outbox";
import { forget, keep, setting } from "../src/store/settings";
import { toCbor } from "../src/sync/cbor";
import { noteAnswer } from "../src/sync/consent";
import { ask, codeInHash, tidyCode } from "../src/sync/enrol";
import { flush } from "../src/sync/flush";
import { type EnrolRequest, type Fact, type Held, instant, type SyncRequest } from "../src/sync/protocol";
import { pushAndPull } from "../src/sync/sync";
import { ITEMS, toTable } from "../src/sync/table";
import { observation, trap } from "./facts";
import { factsOf, readMessage } from "./message";

/** A small server that stores facts by (device, sequence number), as the real one does. */
class Server {
  stored = new Map<number, Fact>();
  batches: number[] = [];
  bytes: number[] = [];
  codes = new Map([["ABCDEFGHJKMNP", true]]);
  officer: "absent" | "thinks" | "says-yes" | "says-no" = "thinks";
  asked = "";
  tokens: string[] = [];
  answers: { agreed: boolean; erase: boolean }[] = [];
  online = true;
  largestBatch = Number.POSITIVE_INFINITY;
  refused = new Set<number>();
  /** Stores and then loses the connection before the answer. */
  losesAnswers = 0;
  broken = 0;
  /** What it says while it is broken. */
  retryAfter = "0";
  /** Public keys as phones told them. */
  keys: string[] = [];
  /** The first of them, by which it knows the phone. */
  known = "";
  era = "";
  /** What it says at enrolment that it has. */
  held: Held | undefined;

  /** Comes back from a backup that knew only these facts, and no key. */
  restore(known: number, era: string): void {
    for (const seq of this.stored.keys()) if (seq > known) this.stored.delete(seq);
    this.known = "";
    this.era = era;
  }

  /** How many messages it takes for badly signed, whatever they are. */
  distrusts = 0;

  fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (!this.online) throw new TypeError("Failed to fetch");
    if (this.broken-- > 0) {
      return new Response("<html>Bad gateway</html>", { status: 502, headers: { "retry-after": this.retryAfter } });
    }
    if (url.endsWith("/enrol")) {
      if (init.body === undefined) {
        return this.#outcome((init.headers as Record<string, string>).authorization as string);
      }
      return this.#enrol(JSON.parse(init.body as string));
    }
    if ((init.headers as Record<string, string>).authorization !== "Bearer secret") {
      return problem(401, "401.1", "This phone is not enrolled here.");
    }
    if (url.endsWith("/consent")) {
      this.answers.push(JSON.parse(init.body as string));
      return Response.json({});
    }
    this.bytes.push((init.body as Uint8Array).byteLength);
    const message = readMessage(init);
    if (message.public_key) this.keys.push(message.public_key);
    this.known ||= message.public_key ?? "";
    if (this.distrusts-- > 0 || (this.known && !isSigned(init, this.known)))
      return problem(401, "401.6", "This message was not signed.");
    return this.#sync(message);
  };

  #enrol({ code, token, name, public_key }: EnrolRequest): Response {
    this.keys.push(public_key);
    this.known = public_key;
    this.tokens.push(token);
    if (code === "482913" && this.officer !== "absent") {
      this.asked = name ?? "";
      return Response.json({ state: "waiting", seconds: 600 }, { status: 202 });
    }
    if (!this.codes.delete(code)) return problem(410, "410.1", "This enrolment code was used already or is too old.");
    return this.#enrolled();
  }

  #outcome(authorization: string): Response {
    if (authorization !== `Bearer ${this.tokens.at(-1)}`) return problem(410, "410.4", "Your officer did not answer.");
    if (this.officer === "says-no") return problem(410, "410.3", "Your officer did not let this phone in.");
    if (this.officer === "says-yes") return this.#enrolled();
    return Response.json({ state: "waiting", seconds: 500 }, { status: 202 });
  }

  #enrolled(): Response {
    const root = { key_id: "aa", public_key: "bb" };
    return Response.json(
      { device: 7, token: "secret", region: "IN-MH-500", root, server_time: instant(new Date()), held: this.held },
      { status: 201 },
    );
  }

  #sync(message: SyncRequest): Response {
    const facts = factsOf(message);
    this.batches.push(facts.length);
    const held = [...this.stored.keys()].map((seq) => [seq, seq]);
    if (facts.length > this.largestBatch) return problem(413, "413.1", "This is too large: %(size_bytes)s bytes.");
    const items = facts.map((fact) => {
      if (this.refused.has(fact.seq)) {
        const reason = {
          number: "422.5",
          message: "The field %(field)s is wrong: %(detail)s.",
          params: { field: "pest" },
        };
        return { seq: fact.seq, status: "rejected", problem: reason };
      }
      const status = this.stored.has(fact.seq) ? "duplicate" : "stored";
      this.stored.set(fact.seq, fact);
      return { seq: fact.seq, status, problem: null };
    });
    if (this.losesAnswers-- > 0) throw new TypeError("Failed to fetch");
    const answer = {
      v: 1,
      server_time: "2026-11-25T03:04:05Z",
      clock_offset_ms: -1500,
      device: "active",
      cursor: `c1${this.era}`,
      ...(message.cursor !== null && message.cursor !== `c1${this.era}` && { held }),
    };
    const isBrief = !Array.isArray(message.facts);
    const body = toCbor({ ...answer, items: isBrief ? toTable(items, ITEMS) : items });
    return new Response(body, { headers: { "content-type": "application/cbor" } });
  }
}

function problem(status: number, number: string, message: string): Response {
  return Response.json({ problem: { number, message, params: {}, text: message } }, { status });
}

/** Whether the key made the signature, as Node's own crypto says. */
function isSigned({ headers, body }: RequestInit, publicKey: string): boolean {
  const content = Buffer.concat([Buffer.from("pestwatch sync 1\n"), body as Uint8Array]);
  const point = Buffer.from(publicKey, "base64");
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString("base64url"));
  const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x, y }, format: "jwk" });
  const signature = Buffer.from((headers as Record<string, string>)["phone-signature"] ?? "", "base64");
  return verify("sha256", content, { key, dsaEncoding: "ieee-p1363" }, signature);
}

let server: Server;

beforeEach(async () => {
  await closeDatabase();
  globalThis.indexedDB = new IDBFactory();
  server = new Server();
  vi.stubGlobal("fetch", server.fetch);
  await keep("consent", { version: 1, at: "2026-11-25T00:00:00Z", locale: "hi", agreed: true });
});

afterEach(() => void vi.unstubAllGlobals());

async function enrolled(): Promise<void> {
  await keep("enrolment", {
    device: 7,
    token: "secret",
    region: "IN-MH-500",
    root: { key_id: "aa", public_key: "bb" },
    state: "active",
  });
}

const statuses = async (): Promise<string[]> => (await factsWithDeliveries()).map(({ delivery }) => delivery.status);

describe("a flush", () => {
  test("sends what waits and pulls, in one request", async () => {
    await enrolled();
    await append(trap(), observation({ HELIAR: 3 }));
    expect(await flush()).toEqual({ state: "sent", problem: null });
    expect(server.batches).toEqual([2]);
    expect(await statuses()).toEqual(["stored", "stored"]);
    expect(await setting("clock_offset_ms")).toBe(-1500);
    expect(await setting("last_synced_at")).toBe("2026-11-25T03:04:05Z");
  });

  test("sends no more than 100 facts at once", async () => {
    await enrolled();
    await append(...Array.from({ length: 230 }, (_, n) => observation({ HELIAR: n })));
    await flush();
    expect(server.batches).toEqual([100, 100, 30]);
    // A table, packed: a count costs fewer bytes than a time has letters.
    expect((server.bytes[0] as number) / 100).toBeLessThan(10);
    expect(await waitingCount()).toBe(0);
  });

  test("halves a batch that the server finds too large, and everything arrives", async () => {
    await enrolled();
    server.largestBatch = 30;
    await append(...Array.from({ length: 100 }, (_, n) => observation({ HELIAR: n })));
    await flush();
    expect(server.batches.slice(0, 3)).toEqual([100, 50, 25]);
    expect(server.stored.size).toBe(100);
    expect(await waitingCount()).toBe(0);
  });

  test("marks a single fact that is too large, and keeps it", async () => {
    await enrolled();
    server.largestBatch = 0;
    await append(observation({ HELIAR: 3 }));
    await flush();
    expect(await statuses()).toEqual(["rejected"]);
    expect((await factsWithDeliveries())[0]?.delivery.problem?.number).toBe("413.1");
  });

  test("takes a duplicate for what it is: the fact has arrived", async () => {
    await enrolled();
    await append(trap(), observation({ HELIAR: 3 }));
    server.losesAnswers = 1;
    expect((await flush()).state).toBe("failed");
    expect(await waitingCount()).toBe(2);
    expect((await flush("asked")).state).toBe("sent");
    expect(await statuses()).toEqual(["duplicate", "duplicate"]);
    expect(server.stored.size).toBe(2);
  });

  test("lets one refused fact hold up nothing, and keeps its reason", async () => {
    await enrolled();
    server.refused.add(2);
    await append(trap(), observation({ HELIAR: 3 }), observation({ HELIAR: 4 }));
    await flush();
    expect(await statuses()).toEqual(["stored", "rejected", "stored"]);
    expect((await factsWithDeliveries())[1]?.delivery.problem?.params).toEqual({ field: "pest" });
  });

  test("tells a server that never heard of it its key, once, and signs with the same one ever after", async () => {
    await enrolled();
    await append(trap());
    await flush();
    await append(trap());
    await flush("asked");
    expect(server.keys.length).toBe(1);
    expect(server.stored.size).toBe(2);
    expect((await setting("enrolment"))?.public_key).toBe(server.keys[0]);
  });

  test("halves a batch that takes too long, and gives up on a single one until the next round", async () => {
    await enrolled();
    const asked: number[] = [];
    const slow = async (_url: string, init: RequestInit): Promise<Response> => {
      const { facts } = readMessage(init);
      asked.push(Array.isArray(facts) ? facts.length : facts.rows);
      throw new DOMException("signal timed out", "TimeoutError");
    };
    vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
    vi.stubGlobal("fetch", slow);
    await append(...Array.from({ length: 5 }, (_, n) => observation({ HELIAR: n })));
    expect(await flush()).toMatchObject({ state: "failed", problem: { number: "502.1" } });
    vi.restoreAllMocks();
    expect(asked).toEqual([5, 3, 2, 1]);
    expect(await waitingCount()).toBe(5);
  });

  test("that moves the phone speaks for the new region from the next page on", async () => {
    await enrolled();
    const asked: [string, string | null][] = [];
    const head = { v: 1, server_time: "2026-11-25T03:04:05Z", clock_offset_ms: 0, device: "active", items: [] };
    vi.stubGlobal("fetch", async (_url: string, init: RequestInit): Promise<Response> => {
      const { region, cursor } = readMessage(init);
      asked.push([region, cursor]);
      const [next, changes] = region === "IN-MH-501" ? ["c2", []] : ["c1", [{ kind: "drop", keep: "IN-MH-501" }]];
      return Response.json({ ...head, changes, cursor: next, more: next === "c1" });
    });
    expect((await flush()).state).toBe("sent");
    expect(asked).toEqual([
      ["IN-MH-500", null],
      ["IN-MH-501", "c1"],
    ]);
    expect(await setting("enrolment")).toMatchObject({ region: "IN-MH-501", token: "secret", state: "active" });
  });

  test("hears how long a server that has too much to do wants to be left alone", async () => {
    await enrolled();
    server.broken = 1;
    server.retryAfter = "20";
    const enrolment = await setting("enrolment");
    if (!enrolment) throw new Error("not enrolled");
    await expect(pushAndPull(enrolment, "0.1.0")).rejects.toMatchObject({ status: 502, wait_s: 20 });
  });

  test("waits after a failure, but not when a person asks", async () => {
    await enrolled();
    await append(trap());
    server.online = false;
    const outcome = await flush();
    expect(outcome).toMatchObject({ state: "failed", problem: { number: "502.1" } });
    server.online = true;
    expect((await flush()).state).toBe("waiting-to-retry");
    expect(server.batches).toEqual([]);
    expect((await flush("asked")).state).toBe("sent");
    expect(await setting("back_off")).toBeUndefined();
    expect(await setting("last_problem")).toBeUndefined();
  });

  test("waits longer after each failure", async () => {
    await enrolled();
    server.broken = 3;
    const waits: number[] = [];
    for (let n = 0; n < 3; n++) {
      await flush("asked");
      waits.push(((await setting("back_off"))?.until_ms ?? 0) - Date.now());
    }
    expect(waits[2]).toBeGreaterThan((waits[0] as number) * 1.5);
  });

  test("stays away at least as long as a full server says", async () => {
    await enrolled();
    server.broken = 1;
    server.retryAfter = "300";
    await flush("asked");
    const wait_s = (((await setting("back_off"))?.until_ms ?? 0) - Date.now()) / 1000;
    expect(wait_s).toBeGreaterThan(299);
    expect(wait_s).toBeLessThan(601);
  });

  test("loses nothing when two ask at once, and sends each fact once", async () => {
    await enrolled();
    await append(trap());
    const first = flush();
    const second = append(observation({ HELIAR: 1 })).then(() => flush());
    await Promise.all([first, second]);
    expect(server.stored.size).toBe(2);
    expect(await waitingCount()).toBe(0);
  });

  test("sends nothing without consent, and nothing without an enrolment", async () => {
    await append(trap());
    expect((await flush()).state).toBe("not-enrolled");
    await keep("consent", { version: 1, at: "2026-11-25T00:00:00Z", locale: "hi", agreed: false });
    await enrolled();
    expect((await flush()).state).toBe("no-consent");
    expect(server.batches).toEqual([]);
  });

  test("remembers that the server does not know this phone, and keeps every count", async () => {
    await enrolled();
    await keep("enrolment", { ...(await setting("enrolment")), token: "stale" } as never);
    await append(trap());
    expect(await flush()).toMatchObject({ state: "failed", problem: { number: "401.1" } });
    expect((await setting("enrolment"))?.state).toBe("unknown");
    expect(await waitingCount()).toBe(1);
  });

  test("sends again what a server lost that came back from a backup, in the same round, and shows its key again", async () => {
    await enrolled();
    await append(...Array.from({ length: 230 }, (_, n) => observation({ HELIAR: n })));
    await flush();
    server.restore(20, ".1");
    await append(observation({ HELIAR: 9 }));
    server.batches = [];
    expect((await flush("asked")).state).toBe("sent");
    expect(server.batches).toEqual([1, 100, 100, 10]);
    expect(server.stored.size).toBe(231);
    expect(server.keys).toEqual([server.known, server.known]);
    expect(await waitingCount()).toBe(0);
    await flush("asked");
    expect(server.batches).toHaveLength(5);
  });

  test("was away for two restores, the second of an older backup, and all is there again", async () => {
    await enrolled();
    await append(...Array.from({ length: 9 }, (_, n) => observation({ HELIAR: n })));
    await flush();
    server.restore(5, ".1");
    server.restore(2, ".2");
    await flush("asked");
    expect([...server.stored.keys()].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("signs once more before it believes that its key is lost", async () => {
    await enrolled();
    await append(trap());
    server.distrusts = 1;
    expect((await flush()).state).toBe("sent");
    await append(trap());
    server.distrusts = 2;
    expect(await flush("asked")).toMatchObject({ state: "failed", problem: { number: "401.6" } });
    expect((await setting("enrolment"))?.state).toBe("unknown");
    // Another window, of an older app, may have said so: who can sign goes on.
    expect((await flush("asked")).state).toBe("sent");
    expect((await setting("enrolment"))?.state).toBe("active");
    expect(server.stored.size).toBe(2);
  });

  test("does not wait for years when the clock was years ahead at a failure", async () => {
    await enrolled();
    await append(trap());
    await keep("back_off", { failures: 3, until_ms: Date.parse("2033-05-01T00:00:00Z") });
    expect((await flush()).state).toBe("sent");
  });

  test("that a person waits for is not held up by one that came by itself", async () => {
    await enrolled();
    await append(trap());
    await keep("back_off", { failures: 1, until_ms: Date.now() + 60_000 });
    const [, outcome] = await Promise.all([flush(), flush("asked"), flush()]);
    expect(outcome.state).toBe("sent");
  });
});

describe("enrolment", () => {
  test("reads the code out of the address that the QR holds", () => {
    expect(codeInHash("#enrol=ABCDE-FGHJK-MNP")).toBe("ABCDEFGHJKMNP");
    expect(codeInHash("#/outbox")).toBeNull();
    expect(codeInHash("#enrol=")).toBeNull();
    expect(tidyCode(" abcde fghjk mnp ")).toBe("ABCDEFGHJKMNP");
    expect(tidyCode("abc-१२३ ৪৫௬")).toBe("ABC123456");
  });

  test("happens by itself with the next flush, and then everything is sent", async () => {
    await append(trap(), observation({ HELIAR: 3 }));
    await ask("ABCDEFGHJKMNP");
    expect((await flush()).state).toBe("sent");
    expect(await setting("enrolment")).toMatchObject({ device: 7, token: "secret", region: "IN-MH-500" });
    expect(await setting("asking")).toBeUndefined();
    expect(server.stored.size).toBe(2);
  });

  test("keeps the code while there is no network", async () => {
    await ask("ABCDEFGHJKMNP");
    server.online = false;
    await flush();
    expect(await setting("asking")).toMatchObject({ code: "ABCDEFGHJKMNP", state: "unsent" });
  });

  test("forgets a code that was used already, and says why", async () => {
    await ask("USED");
    expect(await flush()).toMatchObject({ state: "failed", problem: { number: "410.1" } });
    expect(await setting("asking")).toBeUndefined();
    expect((await setting("last_problem"))?.number).toBe("410.1");
  });

  test("with six digits waits for the officer's yes, over lost networks and restarts", async () => {
    await append(trap(), observation({ HELIAR: 3 }));
    await ask("482913", "Sunita");
    expect((await flush("asked")).state).toBe("not-enrolled");
    expect(server.asked).toBe("Sunita");
    expect(await setting("asking")).toMatchObject({ state: "waiting" });
    await closeDatabase();
    server.online = false;
    await flush("asked");
    expect(await setting("asking")).toMatchObject({ state: "waiting" });
    server.online = true;
    server.officer = "says-yes";
    expect((await flush("asked")).state).toBe("sent");
    expect(await setting("asking")).toBeUndefined();
    expect(server.stored.size).toBe(2);
    expect(server.tokens).toHaveLength(1);
  });

  test("says it when the officer says no, and asks no more", async () => {
    await ask("482913", "Sunita");
    await flush("asked");
    server.officer = "says-no";
    expect(await flush("asked")).toMatchObject({ state: "failed", problem: { number: "410.3" } });
    expect(await setting("asking")).toBeUndefined();
  });

  test("says the same token again after an answer that was lost", async () => {
    await ask("ABCDEFGHJKMNP");
    const { fetch } = server;
    vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
      await fetch(url, init);
      throw new TypeError("Failed to fetch");
    });
    expect((await flush("asked")).state).toBe("failed");
    server.codes.set("ABCDEFGHJKMNP", true);
    vi.stubGlobal("fetch", fetch);
    expect((await flush("asked")).state).toBe("sent");
    expect(new Set(server.tokens).size).toBe(1);
    expect(server.tokens[0]).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test("anew sends what never arrived, and the traps, but nothing twice", async () => {
    await append(trap(), observation({ HELIAR: 3 }));
    await ask("ABCDEFGHJKMNP");
    await flush("asked");
    await append(observation({ HELIAR: 4 }));
    server.stored.clear();
    server.codes.set("ABCDEFGHJKMNP", true);
    await ask("ABCDEFGHJKMNP");
    expect((await flush("asked")).state).toBe("sent");
    expect([...server.stored.keys()]).toEqual([1, 3]);
    expect(await waitingCount()).toBe(0);
  });

  test("anew at a server that has lost this phone sends everything that it lacks", async () => {
    await append(trap(), observation({ HELIAR: 3 }));
    await ask("ABCDEFGHJKMNP");
    await flush("asked");
    server.stored.clear();
    server.held = [];
    server.codes.set("ABCDEFGHJKMNP", true);
    await ask("ABCDEFGHJKMNP");
    expect((await flush("asked")).state).toBe("sent");
    expect([...server.stored.keys()]).toEqual([1, 2]);
  });

  test("anew with another key sends what never arrived: nobody can tell what the lost key brought", async () => {
    await append(trap(), observation({ HELIAR: 3 }));
    await ask("ABCDEFGHJKMNP");
    await flush("asked");
    await append(observation({ HELIAR: 4 }));
    await forget("device_key");
    expect(await flush("asked")).toMatchObject({ state: "failed", problem: { number: "401.6" } });
    expect((await setting("enrolment"))?.state).toBe("unknown");
    server.stored.clear();
    server.held = [];
    server.codes.set("ABCDEFGHJKMNP", true);
    await ask("ABCDEFGHJKMNP");
    expect((await flush("asked")).state).toBe("sent");
    expect([...server.stored.keys()]).toEqual([1, 3]);
  });
});

describe("consent", () => {
  const no = async (what?: "erase"): Promise<void> => {
    await keep("consent", { version: 2, at: instant(new Date()), locale: "hi", agreed: false });
    await noteAnswer(what);
  };

  test("that is taken back is told once, later if there is no network, and then nothing more is said", async () => {
    await ask("ABCDEFGHJKMNP");
    await flush("asked");
    await append(trap(), observation({ HELIAR: 3 }));
    server.online = false;
    await no();
    expect((await flush("asked")).state).toBe("failed");
    server.online = true;
    expect((await flush("asked")).state).toBe("no-consent");
    expect((await flush("asked")).state).toBe("no-consent");
    expect(server.answers).toMatchObject([{ agreed: false, erase: false, consent: { version: 2, locale: "hi" } }]);
    expect(server.stored.size).toBe(0);
  });

  test("may end with an erasure: the phone is enrolled nowhere and keeps its counts", async () => {
    await append(trap(), observation({ HELIAR: 3 }));
    await ask("ABCDEFGHJKMNP");
    await flush("asked");
    await no("erase");
    expect((await flush("asked")).state).toBe("no-consent");
    expect(server.answers).toMatchObject([{ agreed: false, erase: true }]);
    expect(await setting("enrolment")).toBeUndefined();
    expect(await factsWithDeliveries()).toHaveLength(2);
  });

  test("of a phone that was never enrolled is nobody's business", async () => {
    await no();
    expect(await setting("consent_to_tell")).toBeUndefined();
    expect((await flush("asked")).state).toBe("no-consent");
    expect(server.answers).toEqual([]);
  });
});
