import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Problem } from "../../src/problem";
import { modelInUse, shelf } from "../../src/release/shelf";
import { updateRelease } from "../../src/release/update";
import { forget, keep, setting } from "../../src/store/settings";
import { base64, FAMILY, flipped, type MadeRelease, makeRelease, TestKey } from "./made-release";

const REGION = "IN-MH-500";
const NOW = new Date("2026-11-26T06:00:00Z");
const TOMORROW = new Date("2026-11-27T06:00:01Z");

// An app that was built with a base release of this test's own.
const made = await vi.hoisted(async () => {
  const { FAMILY, makeRelease: make, TestKey: Key } = await import("./made-release");
  const baseKey = await Key.make();
  return {
    baseKey,
    newer: await Key.make(),
    base: await make({ version: "base-20261125-1" }, baseKey, undefined, FAMILY),
  };
});
vi.mock("virtual:bundled-release", () => ({
  BUNDLED: { version: made.base.manifest.version, created_at: made.base.manifest.created_at },
  BASE_KEYS: [made.baseKey.baseKey(made.base.manifest.version), made.newer.baseKey("base-20261126-1")],
}));

/** A server that offers one release, knows Range, and can lose its connection. */
class ReleaseServer {
  offered: MadeRelease = made.base;
  /** Goes beside what a region has; this is all when it has nothing. */
  base: MadeRelease = made.base;
  /** Requests for release files, with the range that they asked for. */
  readonly asked: string[] = [];
  cutAfterBytes = Number.POSITIVE_INFINITY;
  isUp = true;

  fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const [, place, name] = /\/(models|api\/v1\/releases)\/(?:.*\/)?([^/]+)$/.exec(String(input)) ?? [];
    if (place === "models") return new Response(this.#file(made.base, name));
    if (!this.isUp) throw new TypeError("Failed to fetch");
    if (name === "current") {
      const [offer, base] = [this.offered, this.base].map((release) => ({
        manifest: base64(release.content),
        signature: release.signature,
      }));
      return Response.json(this.offered.manifest.region === "base" ? offer : { ...offer, base });
    }
    const range = new Headers(init.headers).get("range") ?? "";
    this.asked.push(`${name} ${range}`.trim());
    const release = String(input).includes("/base/") ? this.base : this.offered;
    const from = Number(/bytes=(\d+)-/.exec(range)?.[1] ?? 0);
    return new Response(this.#stream(this.#file(release, name).subarray(from)), { status: from > 0 ? 206 : 200 });
  };

  #file(release: MadeRelease, name: string): Uint8Array<ArrayBuffer> {
    if (name === "manifest.json") return release.content;
    return name === "manifest.sig"
      ? new TextEncoder().encode(JSON.stringify(release.signature))
      : (release.files[name] ?? new Uint8Array());
  }

  #stream(content: Uint8Array<ArrayBuffer>): ReadableStream {
    const end = Math.min(content.length, this.cutAfterBytes);
    let isSent = false;
    return new ReadableStream({
      pull: (controller) => {
        if (!isSent && end > 0) controller.enqueue(content.subarray(0, end));
        else if (end < content.length) controller.error(new TypeError("network error"));
        else controller.close();
        isSent = true;
      },
    });
  }
}

const root = await TestKey.make();
const online = await TestKey.make();
const countsRightly = async () => ({ counts: { GNORAB: 3 } });

function regional(number: number, changes: Partial<MadeRelease["manifest"]> = {}): Promise<MadeRelease> {
  return makeRelease({ version: `${REGION}-20261125-${number}`, seq: number, ...changes }, online, root);
}

let server: ReleaseServer;

afterEach(() => void vi.unstubAllGlobals());

beforeEach(async () => {
  server = new ReleaseServer();
  vi.stubGlobal("fetch", server.fetch);
  const db = await shelf();
  for (const store of ["releases", "files", "notes", "parts"] as const) await db.clear(store);
  await forget("size_choice");
  await forget("size_timing");
  const enrolment = { device: 1, token: "t", region: REGION, root: root.public, state: "active" } as const;
  await keep("enrolment", enrolment);
});

async function versionInUse(): Promise<string> {
  return (await modelInUse()).sidecar.version;
}

describe("a new phone", () => {
  test("counts with the release that came with the app", async () => {
    const state = await updateRelease("automatic", NOW, countsRightly);
    expect(state).toMatchObject({
      current: { version: "base-20261125-1", overdue: false },
      previous: null,
      refused: null,
    });
    expect(state.checked_at).toBe("2026-11-26T06:00:00Z");
    expect(server.asked).toEqual([]);
  });

  test("that is not enrolled believes no region's release", async () => {
    await forget("enrolment");
    server.offered = await regional(1);
    expect((await updateRelease("automatic", NOW, countsRightly)).refused?.problem.number).toBe("422.22");
    expect(await versionInUse()).toBe("base-20261125-1");
  });
});

describe("a phone that saves data", () => {
  test("asks before each download, says what it costs, and goes on when a person wants it", async () => {
    vi.stubGlobal("navigator", { connection: { saveData: true } });
    server.offered = await regional(1);
    await updateRelease("automatic", NOW, countsRightly);
    const { files } = server.offered.manifest;
    const bytes = files.filter(({ name }) => name.startsWith("small.")).reduce((sum, file) => sum + file.bytes, 0);
    expect(await setting("next_model")).toEqual({ version: `${REGION}-20261125-1`, bytes });
    expect(server.asked).toEqual([]);
    expect(await versionInUse()).toBe("base-20261125-1");
    await updateRelease("asked", NOW, countsRightly);
    expect(await versionInUse()).toBe(`${REGION}-20261125-1`);
    expect(await setting("next_model")).toBeNull();
  });
});

describe("a region's release", () => {
  test("is verified, downloaded, tried, used, and the one before it is kept", async () => {
    server.offered = await regional(1);
    const tried: string[] = [];
    const state = await updateRelease("automatic", NOW, async (_, model) => {
      tried.push(model.sidecar.version);
      return countsRightly();
    });
    expect(tried).toEqual([`${REGION}-20261125-1`]);
    expect(state).toMatchObject({ current: { version: `${REGION}-20261125-1`, seq: 1 }, previous: "base-20261125-1" });
    // The test photo is the base's own: it is not paid for twice.
    expect(server.asked).toEqual(["small.tflite", "small.json"]);
  });

  test("is not downloaded again while it is offered again", async () => {
    server.offered = await regional(1);
    await updateRelease("automatic", NOW, countsRightly);
    server.asked.length = 0;
    await updateRelease("automatic", TOMORROW, countsRightly);
    expect(server.asked).toEqual([]);
  });

  test("is refused when it is older than what was seen; a rollback with a higher seq is taken", async () => {
    server.offered = await regional(5);
    await updateRelease("automatic", NOW, countsRightly);
    server.offered = await regional(4);
    const state = await updateRelease("automatic", NOW, countsRightly);
    expect(state.refused).toMatchObject({ problem: { number: "422.23", params: { seq: 4, seen: 5 } } });
    expect(await versionInUse()).toBe(`${REGION}-20261125-5`);
    server.offered = await makeRelease({ version: `${REGION}-20261126-1`, seq: 6 }, online, root);
    expect(await updateRelease("automatic", NOW, countsRightly)).toMatchObject({ current: { seq: 6 }, refused: null });
  });

  test("of another region is refused", async () => {
    server.offered = await makeRelease({ version: "IN-TG-501-20261125-1" }, online, root);
    expect((await updateRelease("automatic", NOW, countsRightly)).refused?.problem.params.detail).toContain(
      "IN-TG-501",
    );
  });

  test("is found again by a phone that was moved away and back, though another region's has a higher seq", async () => {
    server.offered = await regional(5);
    await updateRelease("automatic", NOW, countsRightly);
    const there = "IN-TG-501";
    const enrolment = await setting("enrolment");
    await keep("enrolment", { ...enrolment, region: there } as never);
    for (const seq of [3, 9]) {
      server.offered = await makeRelease({ region: there, version: `${there}-20261125-${seq}`, seq }, online, root);
      const state = await updateRelease("automatic", NOW, countsRightly);
      expect(state).toMatchObject({ current: { region: there, seq }, refused: null });
    }
    await keep("enrolment", enrolment as never);
    server.offered = await regional(5);
    const state = await updateRelease("automatic", NOW, countsRightly);
    expect(state).toMatchObject({ current: { region: REGION, seq: 5 }, refused: null });
  });

  test("for a newer app is refused before anything is downloaded", async () => {
    server.offered = await regional(1, { min_app: 3 });
    expect((await updateRelease("automatic", NOW, countsRightly)).refused?.problem.number).toBe("422.27");
    expect(server.asked).toEqual([]);
  });

  test("that has expired warns and is used", async () => {
    server.offered = await regional(1, { expires_at: "2026-11-25T04:00:00Z" });
    expect((await updateRelease("automatic", NOW, countsRightly)).current).toMatchObject({ seq: 1, overdue: true });
  });

  test("gives way to the base of another region's phone only, never to the server's base for its own", async () => {
    server.offered = await regional(1);
    await updateRelease("automatic", NOW, countsRightly);
    server.offered = made.base;
    expect((await updateRelease("automatic", NOW, countsRightly)).current.region).toBe(REGION);
    await keep("enrolment", { device: 2, token: "u", region: "IN-TG-501", root: root.public, state: "active" });
    expect((await updateRelease("automatic", NOW, countsRightly)).current.region).toBe("base");
  });
});

describe("a phone that wants another size", () => {
  /** Later than the base in the app, by the same key as if it were its own. */
  async function newerBase(changes: Partial<MadeRelease["manifest"]> = {}): Promise<MadeRelease> {
    return makeRelease(
      { version: "base-20261126-1", created_at: "2026-11-26T03:00:00Z", ...changes },
      made.newer,
      undefined,
      FAMILY,
    );
  }

  test("gets it for the base that it has, tries it, and downloads nothing else", async () => {
    await keep("size_choice", "nano");
    const tried: string[] = [];
    const state = await updateRelease("automatic", NOW, async (_, model) => {
      tried.push(`${model.sidecar.name} behind ${model.gate?.sidecar.version}`);
      return countsRightly();
    });
    expect(state.current).toMatchObject({ size: "nano", version: "base-20261125-1" });
    expect(tried).toEqual(["nano behind base-20261125-1"]);
    expect(server.asked).toEqual(["nano.tflite", "nano.json"]);
    await updateRelease("automatic", NOW, countsRightly);
    expect(server.asked, "once").toHaveLength(2);
  });

  test("counts with what it has while the network is away, or breaks off in the middle", async () => {
    await keep("size_choice", "base");
    server.isUp = false;
    await expect(updateRelease("automatic", NOW, countsRightly)).rejects.toMatchObject({ number: "502.1" });
    expect((await modelInUse()).sidecar.name).toBe("small");
    server.isUp = true;
    server.cutAfterBytes = 10;
    await expect(updateRelease("automatic", NOW, countsRightly)).rejects.toMatchObject({ number: "502.1" });
    expect((await modelInUse()).sidecar.name).toBe("small");
    server.cutAfterBytes = Number.POSITIVE_INFINITY;
    expect((await updateRelease("automatic", NOW, countsRightly)).current.size).toBe("base");
    expect(server.asked).toEqual(["base.tflite", "base.tflite bytes=10-", "base.json"]);
  });

  test("that counts the test photo wrongly here keeps the one it has, and tries again on another day", async () => {
    await keep("size_choice", "nano");
    const wrongly = async () => ({ counts: { GNORAB: 2 } });
    const state = await updateRelease("automatic", NOW, wrongly);
    expect(state).toMatchObject({ current: { size: "small" }, refused: { problem: { number: "422.28" } } });
    server.asked.length = 0;
    expect((await updateRelease("automatic", NOW, countsRightly)).refused).toMatchObject({
      version: "base-20261125-1",
    });
    expect(server.asked).toEqual([]);
    expect(await updateRelease("automatic", TOMORROW, countsRightly)).toMatchObject({
      current: { size: "nano" },
      refused: null,
    });
  });

  test("takes that size alone of a newer base, with its gate", async () => {
    await keep("size_choice", "nano");
    server.offered = server.base = await newerBase();
    const { current } = await updateRelease("automatic", NOW, countsRightly);
    expect(current).toMatchObject({ size: "nano", version: "base-20261126-1" });
    expect(server.asked).toEqual(["nano.tflite", "nano.json", "gate.tflite", "gate.json"]);
  });

  test("has no use for a region's small, and takes it when it wants small again", async () => {
    await keep("size_choice", "nano");
    server.offered = await regional(1);
    expect((await updateRelease("automatic", NOW, countsRightly)).current).toMatchObject({
      region: "base",
      size: "nano",
    });
    expect(server.asked).toEqual(["nano.tflite", "nano.json"]);
    await keep("size_choice", "small");
    expect((await updateRelease("automatic", NOW, countsRightly)).current).toMatchObject({
      region: REGION,
      size: "small",
    });
  });

  test("of the usual size takes a region's model and the newer base's gate at once; one refused does not stop the other", async () => {
    server.offered = await regional(1);
    server.base = await newerBase();
    const onlyBase = async (_: Blob, { sidecar }: { sidecar: { version: string } }) => ({
      counts: { GNORAB: sidecar.version.startsWith("base") ? 3 : 2 },
    });
    const state = await updateRelease("automatic", NOW, onlyBase);
    expect(state).toMatchObject({
      current: { version: "base-20261126-1" },
      refused: { version: `${REGION}-20261125-1` },
    });
    const later = await updateRelease("automatic", TOMORROW, countsRightly);
    expect(later).toMatchObject({ current: { version: `${REGION}-20261125-1` }, refused: null });
    expect((await modelInUse()).gate?.sidecar.version).toBe("base-20261126-1");
  });
});

describe("whatever is wrong, the model in use stays and the reason is kept", () => {
  test.each([
    ["the manifest", (good: MadeRelease) => ({ ...good, content: flipped(good.content) }), "422.22"],
    [
      "the model",
      (good: MadeRelease) => ({
        ...good,
        files: { ...good.files, "small.tflite": flipped(good.files["small.tflite"]) },
      }),
      "422.21",
    ],
  ])("one flipped bit in %s", async (_, damage, number) => {
    const good = await regional(1);
    server.offered = damage(good);
    const state = await updateRelease("automatic", NOW, countsRightly);
    expect(state).toMatchObject({ current: { version: "base-20261125-1" }, refused: { problem: { number } } });
    // The very same release, whole this time, is welcome later.
    server.offered = good;
    expect((await updateRelease("automatic", TOMORROW, countsRightly)).current.seq).toBe(1);
  });

  test("a model that counts the test photo wrongly on this phone", async () => {
    server.offered = await regional(1);
    const state = await updateRelease("automatic", NOW, async () => ({ counts: { GNORAB: 2 } }));
    expect(state.refused).toMatchObject({ version: `${REGION}-20261125-1`, problem: { number: "422.28" } });
    expect(await versionInUse()).toBe("base-20261125-1");
    server.asked.length = 0;
    await updateRelease("automatic", new Date(NOW.getTime() + 60_000), countsRightly);
    expect(server.asked, "not downloaded again by itself").toEqual([]);
    await updateRelease("asked", NOW, async () => ({ counts: { GNORAB: 2 } }));
    expect(server.asked, "but when a person asks").toEqual(["small.tflite", "small.json"]);
    expect((await updateRelease("automatic", TOMORROW, countsRightly)).current.seq).toBe(1);
  });

  test("a model that breaks the engine, but not an engine that is not here yet", async () => {
    server.offered = await regional(1);
    const breaks = () => Promise.reject(new Problem("500.2", { detail: "RuntimeError: unreachable" }));
    expect((await updateRelease("automatic", NOW, breaks)).refused?.problem.number).toBe("422.28");
    const missing = () => Promise.reject(new Problem("503.2"));
    await expect(updateRelease("asked", NOW, missing)).rejects.toMatchObject({ number: "503.2" });
    expect(await versionInUse()).toBe("base-20261125-1");
  });

  test("a sidecar that belongs to another model", async () => {
    const [good, other] = await Promise.all([regional(1), regional(2)]);
    const sidecar = other.manifest.files.find(({ name }) => name === "small.json");
    const mixed = good.manifest.files.map((file) => (file.name === "small.json" && sidecar ? sidecar : file));
    server.offered = await regional(1, { files: mixed });
    server.offered.files["small.json"] = other.files["small.json"];
    expect((await updateRelease("automatic", NOW, countsRightly)).refused?.problem.number).toBe("422.20");
  });
});

describe("a connection that breaks", () => {
  test("before anything came is told, and nothing is held against the release", async () => {
    server.isUp = false;
    await expect(updateRelease("automatic", NOW, countsRightly)).rejects.toMatchObject({ number: "502.1" });
    server.isUp = true;
    server.offered = await regional(1);
    expect((await updateRelease("automatic", NOW, countsRightly)).current.seq).toBe(1);
  });

  test("in the middle of the model costs only the rest", async () => {
    server.offered = await regional(1);
    server.cutAfterBytes = 10;
    await expect(updateRelease("automatic", NOW, countsRightly)).rejects.toMatchObject({ number: "502.1" });
    expect(await versionInUse()).toBe("base-20261125-1");
    server.cutAfterBytes = Number.POSITIVE_INFINITY;
    expect((await updateRelease("automatic", NOW, countsRightly)).current.seq).toBe(1);
    expect(server.asked).toEqual(["small.tflite", "small.tflite bytes=10-", "small.json"]);
  });
});
