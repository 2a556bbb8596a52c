import "fake-indexeddb/auto";
import { expect, test, vi } from "vitest";
import { releaseInUse, releaseState, swap } from "../../src/release/shelf";
import { flipped, json, type MadeRelease, makeRelease, TestKey } from "./made-release";

const made = await vi.hoisted(async () => {
  const { makeRelease: make, TestKey: Key } = await import("./made-release");
  const baseKey = await Key.make();
  return { baseKey, base: await make({ version: "base-20261125-1" }, baseKey) };
});
vi.mock("virtual:bundled-release", () => ({
  BUNDLED: { version: made.base.manifest.version, created_at: made.base.manifest.created_at },
  BASE_KEYS: [made.baseKey.baseKey(made.base.manifest.version)],
}));

/** The app's own files: whatever `release` holds, or nothing as on a first visit that was cut off. */
function serve(release: MadeRelease | null): void {
  vi.stubGlobal("fetch", async (address: string) => {
    if (!release) throw new TypeError("Failed to fetch");
    const made = { ...release.files, "manifest.json": release.content, "manifest.sig": json(release.signature) };
    return new Response(made[address.split("/").at(-1) as keyof typeof made]);
  });
}

async function held(version: string, created_at: string) {
  const { manifest, files } = await makeRelease({ version, created_at }, await TestKey.make());
  return { manifest, files, chain: "a chain", key_not_after: "2028-01-01T00:00:00Z" };
}

test("a phone whose first visit was cut off says what is missing, and counts once it is there", async () => {
  serve(null);
  await expect(releaseInUse()).rejects.toMatchObject({ number: "503.2" });
  serve(made.base);
  expect((await releaseInUse()).manifest.version).toBe("base-20261125-1");
});

test("the release inside the app is checked like any other", async () => {
  vi.resetModules();
  const { releaseInUse: afresh } = await import("../../src/release/shelf");
  serve({ ...made.base, files: { ...made.base.files, "small.tflite": flipped(made.base.files["small.tflite"]) } });
  await expect(afresh()).rejects.toMatchObject({ number: "422.21" });
  serve({ ...made.base, content: flipped(made.base.content) });
  await expect(afresh()).rejects.toMatchObject({ number: "422.22" });
});

test("an app update's newer base replaces an older base, but not what a region has trained", async () => {
  serve(made.base);
  const bundled = await releaseInUse();
  await swap(await held("base-20261101-1", "2026-11-01T00:00:00Z"), bundled, {}, "2026-11-02T00:00:00Z");
  expect((await releaseInUse()).manifest.version).toBe("base-20261125-1");
  await swap(await held("base-20261201-1", "2026-12-01T00:00:00Z"), bundled, {}, "2026-12-02T00:00:00Z");
  expect((await releaseInUse()).manifest.version).toBe("base-20261201-1");
  await swap(await held("IN-MH-500-20261101-1", "2026-11-01T00:00:00Z"), bundled, {}, "2026-11-02T00:00:00Z");
  expect(await releaseState(new Date("2026-12-03T00:00:00Z"))).toMatchObject({
    current: { region: "IN-MH-500", version: "IN-MH-500-20261101-1" },
    previous: "base-20261125-1",
  });
});
