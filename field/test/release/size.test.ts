import "fake-indexeddb/auto";
import { beforeEach, expect, test, vi } from "vitest";
import { photoMs, wantedSize } from "../../src/release/size";
import { timePhone } from "../../src/release/speed";
import { forget, keep, setting } from "../../src/store/settings";
import { json } from "./made-release";

const made = await vi.hoisted(async () => {
  const { makeRelease: make, TestKey: Key } = await import("./made-release");
  const baseKey = await Key.make();
  return { baseKey, base: await make({ version: "base-20261125-1" }, baseKey) };
});
vi.mock("virtual:bundled-release", () => ({
  BUNDLED: { version: made.base.manifest.version, created_at: made.base.manifest.created_at },
  BASE_KEYS: [made.baseKey.baseKey(made.base.manifest.version)],
}));
vi.stubGlobal("requestIdleCallback", (work: () => void) => work());
vi.stubGlobal("fetch", async (address: string) => {
  const files = { ...made.base.files, "manifest.json": made.base.content, "manifest.sig": json(made.base.signature) };
  return new Response(files[address.split("/").at(-1) as keyof typeof files]);
});

beforeEach(async () => {
  await forget("size_choice");
  await forget("size_timing");
});

test("a phone that was not timed yet counts with the usual size", async () => {
  expect(await wantedSize()).toBe("small");
});

test.each([
  [5, "small"],
  [2_400, "small"],
  [2_600, "nano"],
  [20_000, "nano"],
])("a phone that takes %i ms for a tile takes %s", async (tile_ms, size) => {
  await timePhone(async () => tile_ms);
  expect(await wantedSize()).toBe(size);
  expect(photoMs((await setting("size_timing")) ?? { of: "", tile_ms: 0 }) > 30_000).toBe(size === "nano");
});

test("a phone is timed once, with the usual size that came with the app", async () => {
  const time = vi.fn(async () => 100);
  await timePhone(time);
  await timePhone(time);
  expect(time).toHaveBeenCalledOnce();
  expect(time).toHaveBeenCalledWith(expect.objectContaining({ sidecar: expect.objectContaining({ name: "small" }) }));
  await keep("size_timing", { of: "an older app", tile_ms: 100 });
  await timePhone(time);
  expect(time, "again with another app").toHaveBeenCalledTimes(2);
});

test("a timing that a photo has ended is tried again", async () => {
  await expect(timePhone(() => Promise.reject(new DOMException("a photo came", "AbortError")))).rejects.toThrow();
  await timePhone(async () => 3_000);
  expect(await wantedSize()).toBe("nano");
});

test("what a person has chosen goes before any timing, and needs none", async () => {
  await keep("size_timing", { of: "an older app", tile_ms: 3_000 });
  await keep("size_choice", "base");
  const time = vi.fn(async () => 100);
  await timePhone(time);
  expect(time).not.toHaveBeenCalled();
  expect(await wantedSize()).toBe("base");
});
