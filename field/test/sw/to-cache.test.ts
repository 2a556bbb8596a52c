import { expect, test } from "vitest";
import { cacheMode, filesOf, kindOf, lastingKey, shellName } from "../../src/sw/to-cache";

const FILES = [
  { path: "assets/index-abc.js", hash: "11" },
  { path: "assets/kernels-simd-Ab-_c.wasm", hash: "22" },
  { path: "i18n/en.json", hash: "33" },
  { path: "i18n/mr.json", hash: "44" },
  { path: "index.html", hash: "55" },
  { path: "models/base-20261125-1/small.tflite", hash: "66" },
];

test("engine and model last over versions, other languages wait until they are wanted", () => {
  expect(filesOf("lasting", FILES, "simd").map(({ hash }) => hash)).toEqual(["22", "66"]);
  expect(filesOf("wanted", FILES, "simd").map(({ hash }) => hash)).toEqual(["44"]);
  expect(filesOf("shell", FILES, "simd").map(({ hash }) => hash)).toEqual(["11", "33", "55"]);
  expect(kindOf("icons/icon-512.png", "simd")).toBe("wanted");
});

test("one changed byte anywhere gives the app another name", () => {
  const changed = FILES.map((file) => (file.path === "i18n/mr.json" ? { ...file, hash: "45" } : file));
  expect(shellName(changed)).not.toBe(shellName(FILES));
  expect(shellName([...FILES])).toBe(shellName(FILES));
});

test("a lasting file is kept under what it holds, so that a new one is another entry", () => {
  expect(lastingKey(FILES[5])).toBe("models/base-20261125-1/small.tflite?h=66");
});

test("what the page has just loaded under a hashed name is not downloaded twice, the rest is fresh", () => {
  expect(FILES.map(cacheMode)).toEqual(["default", "default", "no-cache", "no-cache", "no-cache", "no-cache"]);
});

test("a phone fetches the one build of the engine that it runs", () => {
  const builds = (["plain", "simd", "relaxed"] as const).map((name) => ({
    path: `assets/kernels-${name}-ab-c.wasm`,
    hash: name,
  }));
  for (const { hash } of builds)
    expect(filesOf("lasting", builds, hash as "simd").map((file) => file.hash)).toEqual([hash]);
});
