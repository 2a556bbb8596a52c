import { expect, test } from "vitest";
import {
  type AppFile,
  cacheMode,
  filesOf,
  isAsBuilt,
  kindOf,
  lastingKey,
  partKey,
  shellName,
} from "../../src/sw/to-cache";

const file = (path: string, hash: string, first?: true): AppFile => ({
  path,
  hash,
  bytes: 10,
  sent: 5,
  ...(first && { first }),
});
const FILES = [
  file("assets/count.worker-abc.js", "10"),
  file("assets/index-abc.js", "11", true),
  file("assets/kernels-simd-Ab-_c.wasm", "22"),
  file("i18n/mr.json", "44"),
  file("index.html", "55"),
  file("models/base-20261125-1/small.tflite", "66"),
];
const hashes = (files: AppFile[]): string[] => files.map(({ hash }) => hash);

test("the shell is what the first screens need, engine and model follow, other languages wait until they are wanted", () => {
  expect(hashes(filesOf("shell", FILES, "simd"))).toEqual(["11", "55"]);
  expect(hashes(filesOf("lasting", FILES, "simd"))).toEqual(["10", "22", "66"]);
  expect(hashes(filesOf("wanted", FILES, "simd"))).toEqual(["44"]);
});

test("what nobody has thought of is not downloaded with the shell", () => {
  expect(kindOf(file("icons/icon-512.png", "1"), "simd")).toBe("wanted");
  expect(kindOf(file("sound/consent-hi.opus", "1"), "simd")).toBe("wanted");
});

test("one changed byte anywhere gives the app another name", () => {
  const changed = FILES.map((one) => (one.path === "i18n/mr.json" ? { ...one, hash: "45" } : one));
  expect(shellName(changed)).not.toBe(shellName(FILES));
  expect(shellName([...FILES])).toBe(shellName(FILES));
});

test("a lasting file is kept under what it holds, so that a new one is another entry, and apart from its beginning", () => {
  const model = FILES[5] as AppFile;
  expect(lastingKey(model)).toBe("models/base-20261125-1/small.tflite?h=66");
  expect(partKey(model)).not.toBe(lastingKey(model));
});

test("what the page has just loaded under a hashed name is not downloaded twice, the rest is fresh", () => {
  expect(FILES.map(cacheMode)).toEqual(["default", "default", "default", "no-cache", "no-cache", "no-cache"]);
});

test("a phone fetches the one build of the engine that it runs", () => {
  const builds = (["plain", "simd", "relaxed"] as const).map((name) => file(`assets/kernels-${name}-ab-c.wasm`, name));
  for (const { hash } of builds) expect(hashes(filesOf("lasting", builds, hash as "simd"))).toEqual([hash]);
});

test("a page of somebody else's is not what was built", async () => {
  const content = new TextEncoder().encode("the app");
  const hash = "ecf6410c21e70b62"; // sha256("the app")
  expect(await isAsBuilt(file("index.html", hash), content)).toBe(true);
  expect(await isAsBuilt(file("index.html", hash), new TextEncoder().encode("<h1>Pay for Wi-Fi</h1>"))).toBe(false);
});
