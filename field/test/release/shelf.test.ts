import "fake-indexeddb/auto";
import { expect, test, vi } from "vitest";
import { heldReleases, keepFiles, modelInUse, releaseState, take } from "../../src/release/shelf";
import { keep } from "../../src/store/settings";
import { flipped, json, type MadeRelease, makeRelease, TestKey } from "./made-release";

const made = await vi.hoisted(async () => {
  const { FAMILY, makeRelease: make, TestKey: Key } = await import("./made-release");
  const baseKey = await Key.make();
  return { baseKey, base: await make({ version: "base-20261125-1" }, baseKey, undefined, FAMILY) };
});
vi.mock("virtual:bundled-release", () => ({
  BUNDLED: { version: made.base.manifest.version, created_at: made.base.manifest.created_at },
  BASE_KEYS: [made.baseKey.baseKey(made.base.manifest.version)],
}));

/** The app's own files: whatever `release` holds, or nothing as on a first visit that was cut off. */
function serve(release: MadeRelease | null, asked: string[] = []): void {
  vi.stubGlobal("fetch", async (address: string) => {
    asked.push(address.split("/").at(-1) as string);
    if (!release) throw new TypeError("Failed to fetch");
    const made = { ...release.files, "manifest.json": release.content, "manifest.sig": json(release.signature) };
    return new Response(made[address.split("/").at(-1) as keyof typeof made]);
  });
}

/** Puts a release in use as if it had been downloaded and had counted its golden picture. */
async function taken(version: string, created_at: string): Promise<void> {
  const { manifest, files } = await makeRelease({ version, created_at }, await TestKey.make());
  const byHash = Object.fromEntries(manifest.files.map(({ name, sha256 }) => [sha256, files[name]]));
  await take({ manifest, chain: "a chain", key_not_after: "2028-01-01T00:00:00Z" }, byHash, await heldReleases(), {});
}

const countingModel = async () => (await modelInUse()).sidecar.version;

test("a phone whose first visit was cut off says what is missing, and counts once it is there", async () => {
  serve(null);
  await expect(modelInUse()).rejects.toMatchObject({ number: "503.2" });
  serve(made.base);
  expect(await countingModel()).toBe("base-20261125-1");
});

test("the release inside the app is checked like any other", async () => {
  vi.resetModules();
  const { modelInUse: afresh } = await import("../../src/release/shelf");
  serve({ ...made.base, files: { ...made.base.files, "small.tflite": flipped(made.base.files["small.tflite"]) } });
  await expect(afresh()).rejects.toMatchObject({ number: "422.21" });
  serve({ ...made.base, content: flipped(made.base.content) });
  await expect(afresh()).rejects.toMatchObject({ number: "422.22" });
});

test("the app brings the usual size and the gate, and nothing else is asked for", async () => {
  vi.resetModules();
  const { modelInUse: afresh } = await import("../../src/release/shelf");
  const asked: string[] = [];
  serve(made.base, asked);
  expect(await afresh()).toMatchObject({ sidecar: { name: "small" }, gate: { sidecar: { name: "gate" } } });
  const first = ["manifest.json", "manifest.sig", "small.tflite", "small.json", "gate.tflite", "gate.json"];
  expect(asked.sort()).toEqual(first.sort());
});

test("a size that is wanted counts once it is here, and until then what is", async () => {
  serve(made.base);
  await keep("size_choice", "nano");
  expect((await modelInUse()).sidecar.name).toBe("small");
  const { manifest, files } = made.base;
  const nano = manifest.files.filter(({ name }) => name.startsWith("nano"));
  await keepFiles(Object.fromEntries(nano.slice(0, 1).map(({ name, sha256 }) => [sha256, files[name]])));
  expect((await modelInUse()).sidecar.name, "half of it is nothing").toBe("small");
  await keepFiles(Object.fromEntries(nano.map(({ name, sha256 }) => [sha256, files[name]])));
  expect(await modelInUse()).toMatchObject({ sidecar: { name: "nano" }, gate: { sidecar: { name: "gate" } } });
  expect((await releaseState()).current).toMatchObject({ size: "nano", version: "base-20261125-1" });
  await keep("size_choice", "small");
});

test("a region's model goes before the base's, with the gate of the base", async () => {
  serve(made.base);
  await taken("IN-MH-500-20261101-1", "2026-11-01T00:00:00Z");
  expect(await modelInUse()).toMatchObject({
    sidecar: { version: "IN-MH-500-20261101-1" },
    gate: { sidecar: { version: "base-20261125-1" } },
  });
  await keep("size_choice", "nano");
  expect(await countingModel(), "the region has no nano, the base has").toBe("base-20261125-1");
  await keep("size_choice", "small");
});

test("an app update's newer base replaces an older base, but not what a region has trained", async () => {
  serve(made.base);
  const gateVersion = async () => (await modelInUse()).gate?.sidecar.version;
  await taken("base-20261101-1", "2026-11-01T00:00:00Z");
  expect(await gateVersion()).toBe("base-20261125-1");
  await taken("base-20261201-1", "2026-12-01T00:00:00Z");
  expect(await gateVersion()).toBe("base-20261201-1");
  expect(await releaseState(new Date("2026-12-03T00:00:00Z"))).toMatchObject({
    current: { region: "IN-MH-500", version: "IN-MH-500-20261101-1", size: "small" },
    previous: "base-20261125-1",
  });
});

test("files of releases that are no longer in use leave the phone", async () => {
  serve(made.base);
  const gone = "IN-MH-500-20261101-1";
  const count = async () => (await (await import("../../src/release/shelf")).shelf()).count("files");
  const before = await count();
  await taken("IN-MH-500-20261202-1", "2026-12-02T00:00:00Z");
  expect(await countingModel()).not.toBe(gone);
  expect(await count()).toBe(before);
});
