import { beforeAll, describe, expect, test } from "vitest";
import { isSignedBy, isSignedByLibrary } from "../../src/release/ed25519";
import { admit, bytesOf, checkFile, isOverdue, type Signature, type Trust, verify } from "../../src/release/verify";
import { base64, flipped, json, type MadeRelease, makeRelease, TestKey } from "./made-release";

const BASE = "base-20261125-1";
const REGIONAL = "IN-MH-500-20261125-1";

let baseKey: TestKey;
let root: TestKey;
let online: TestKey;
let trust: Trust;
let base: MadeRelease;
let regional: MadeRelease;

beforeAll(async () => {
  [baseKey, root, online] = await Promise.all([TestKey.make(), TestKey.make(), TestKey.make()]);
  trust = { base_keys: [baseKey.baseKey(BASE)], root: root.public };
  base = await makeRelease({ version: BASE }, baseKey);
  regional = await makeRelease({ version: REGIONAL, seq: 7 }, online, root);
});

/** What refuses, by number and a word of its detail. */
function refusal(number: string, detail = ""): unknown {
  const params = expect.objectContaining(detail ? { detail: expect.stringContaining(detail) } : {});
  return expect.objectContaining({ number, params });
}

function flippedText(text: string): string {
  return base64(flipped(bytesOf(text)));
}

describe("whom the phone believes", () => {
  test("a base release signed by the key that ships for it", async () => {
    const verified = await verify(base.content, base.signature, { ...trust, root: null });
    expect(verified).toMatchObject({ manifest: { version: BASE }, chain: baseKey.public.key_id });
  });

  test("a regional release whose key the enrolled root certified; its seq belongs to the root and the region", async () => {
    const verified = await verify(regional.content, regional.signature, trust);
    expect(verified).toMatchObject({
      manifest: { seq: 7 },
      chain: `${root.public.key_id} ${regional.manifest.region}`,
    });
  });

  test("nobody who is unknown: no shipped key, another root, no root before enrolment", async () => {
    await expect(verify(base.content, base.signature, { base_keys: [], root: null })).rejects.toThrow(
      refusal("422.22", `key ${baseKey.public.key_id} is unknown`),
    );
    for (const stranger of [(await TestKey.make()).public, null]) {
      await expect(verify(regional.content, regional.signature, { ...trust, root: stranger })).rejects.toThrow(
        refusal("422.22", `root ${root.public.key_id} is unknown`),
      );
    }
  });

  test("a shipped key for one base release and no other", async () => {
    const other = await makeRelease({ version: "base-20261126-1" }, baseKey);
    await expect(verify(other.content, other.signature, trust)).rejects.toThrow(refusal("422.22", `signs ${BASE}`));
  });

  test("an installation for its regions and not for the base", async () => {
    const posing = await makeRelease({ version: "base-20261126-1" }, online, root);
    await expect(verify(posing.content, posing.signature, trust)).rejects.toThrow(refusal("422.22", "may not sign"));
  });

  test("a certificate for the key that it names and no other", async () => {
    const thief = await TestKey.make();
    const signature = { ...regional.signature, signature: await thief.sign(regional.content) };
    const posing = { ...signature, key_id: thief.public.key_id };
    await expect(verify(regional.content, posing, trust)).rejects.toThrow(refusal("422.22", "certificate is for"));
    await expect(verify(regional.content, signature, trust)).rejects.toThrow(refusal("422.22", "does not fit"));
  });

  test("a key by the name that follows from it and no other", async () => {
    const renamed = { ...baseKey.baseKey(BASE), key_id: "0123456789abcdef" };
    const signature = { ...base.signature, key_id: renamed.key_id };
    await expect(verify(base.content, signature, { ...trust, base_keys: [renamed] })).rejects.toThrow(
      refusal("422.22", "does not have the name"),
    );
  });
});

describe("one flipped bit is refused, wherever it is", () => {
  test("in the manifest", async () => {
    await expect(verify(flipped(base.content), base.signature, trust)).rejects.toThrow(refusal("422.22"));
    await expect(verify(flipped(regional.content), regional.signature, trust)).rejects.toThrow(refusal("422.22"));
  });

  test("in the signature", async () => {
    const signature = { ...base.signature, signature: flippedText(base.signature.signature) };
    await expect(verify(base.content, signature, trust)).rejects.toThrow(refusal("422.22"));
  });

  test("in the certificate, or in the root's signature under it", async () => {
    const { certificate } = regional.signature;
    if (!certificate) throw new Error("made without");
    for (const changed of [
      { ...certificate, body: flippedText(certificate.body) },
      { ...certificate, signature: flippedText(certificate.signature) },
    ]) {
      const signature: Signature = { ...regional.signature, certificate: changed };
      await expect(verify(regional.content, signature, trust)).rejects.toThrow(refusal("422.22"));
    }
  });

  test("in the model", async () => {
    const [file] = base.manifest.files;
    const content = base.files[file.name];
    await expect(checkFile(file, content)).resolves.toBeUndefined();
    await expect(checkFile(file, flipped(content))).rejects.toMatchObject({ number: "422.21" });
    await expect(checkFile(file, content.subarray(1))).rejects.toMatchObject({ number: "422.21" });
  });
});

test("what is signed well but no manifest is refused with the reason", async () => {
  const { manifest } = base;
  const wrong: [unknown, string][] = [
    ["text", "not version 2"],
    [{ ...manifest, v: 1 }, "not version 2"],
    [{ ...manifest, seq: 0 }, "no seq"],
    [{ ...manifest, expires_at: "soon" }, "no dates"],
    [{ ...manifest, files: manifest.files.filter(({ name }) => name !== "small.json") }, "no small model"],
    [{ ...manifest, golden: { name: "golden.png", counts: { nano: {} } } }, "no golden counts of small"],
    [{ ...manifest, files: [{ ...manifest.files[0], name: "../../x" }] }, "described wrongly"],
    [{ ...manifest, golden: { name: "other.png", counts: {} } }, "golden"],
  ];
  for (const [value, detail] of wrong) {
    const content = json(value);
    const signature = { ...base.signature, signature: await baseKey.sign(content) };
    await expect(verify(content, signature, trust)).rejects.toThrow(refusal("422.20", detail));
  }
});

test("the seq must not fall within a chain and is free between chains", async () => {
  const verified = await verify(regional.content, regional.signature, trust);
  for (const seen of [6, 7]) {
    expect(admit(verified, { other: 99, [verified.chain]: seen })).toEqual({ other: 99, [verified.chain]: 7 });
  }
  expect(() => admit(verified, { [verified.chain]: 8 })).toThrow(refusal("422.23"));
});

test("an expired manifest and a key past its days warn, and are used", async () => {
  const verified = await verify(base.content, base.signature, trust);
  expect(isOverdue(verified, new Date("2027-05-24T02:59:59Z"))).toBe(false);
  expect(isOverdue(verified, new Date("2027-05-24T03:00:01Z"))).toBe(true);
  const long = { manifest: { ...verified.manifest, expires_at: "2040-01-01T00:00:00Z" } };
  expect(isOverdue({ ...long, key_not_after: "2028-11-01T00:00:00Z" }, new Date("2028-11-02T00:00:00Z"))).toBe(true);
});

test("the library for old phones agrees with the browser's own", async () => {
  const key = bytesOf(baseKey.public.public_key);
  const signature = bytesOf(base.signature.signature);
  for (const isGood of [isSignedBy, isSignedByLibrary]) {
    expect(await isGood(key, signature, base.content)).toBe(true);
    expect(await isGood(key, flipped(signature), base.content)).toBe(false);
    expect(await isGood(key, signature, flipped(base.content))).toBe(false);
    expect(await isGood(key, signature.subarray(1), base.content)).toBe(false);
  }
});
