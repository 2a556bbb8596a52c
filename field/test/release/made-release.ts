/** Releases signed by keys of this very run; nothing private is ever stored. */

import type { Manifest, Size } from "../../src/release/manifest";
import { type BaseKey, type PublicKey, type Signature, sha256Hex } from "../../src/release/verify";

type Bytes = Uint8Array<ArrayBuffer>;

export interface MadeRelease {
  manifest: Manifest;
  content: Bytes;
  signature: Signature;
  files: Record<string, Bytes>;
}

export class TestKey {
  readonly public: PublicKey;
  readonly #private: CryptoKey;

  private constructor(publicKey: PublicKey, privateKey: CryptoKey) {
    this.public = publicKey;
    this.#private = privateKey;
  }

  static async make(): Promise<TestKey> {
    const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
    const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    return new TestKey({ key_id: (await sha256Hex(raw)).slice(0, 16), public_key: base64(raw) }, pair.privateKey);
  }

  async sign(content: Bytes): Promise<string> {
    return base64(new Uint8Array(await crypto.subtle.sign("Ed25519", this.#private, content)));
  }

  baseKey(signs: string): BaseKey {
    return { ...this.public, not_before: "2026-11-01T00:00:00Z", not_after: "2028-11-01T00:00:00Z", signs };
  }

  async certify({ public: online }: TestKey): Promise<NonNullable<Signature["certificate"]>> {
    const dates = { not_before: "2026-11-01T00:00:00Z", not_after: "2027-12-01T00:00:00Z" };
    const body = json({ ...online, ...dates, issued_by: this.public.key_id, v: 1 });
    return { body: base64(body), signature: await this.sign(body), root_key_id: this.public.key_id };
  }
}

export function base64(content: Uint8Array): string {
  return Buffer.from(content).toString("base64");
}

export function json(value: unknown): Bytes {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** A copy with its last bit turned over. */
export function flipped(content: Bytes): Bytes {
  const copy = content.slice();
  copy[copy.length - 1] ^= 1;
  return copy;
}

/** The family that a base release holds; a region's holds `small` alone. */
export const FAMILY: readonly Size[] = ["nano", "small", "base"];

/** A release signed by a key; a chain of two keys gives one with a certificate. Base releases hold the gate too. */
export async function makeRelease(
  changes: Partial<Manifest> & { version: string },
  signer: TestKey,
  root?: TestKey,
  sizes: readonly Size[] = ["small"],
): Promise<MadeRelease> {
  const region = changes.version.replace(/-\d{8}-\d+$/, "");
  const files: MadeRelease["files"] = { "golden.png": json("a picture") };
  for (const name of region === "base" ? [...sizes, "gate"] : sizes) {
    const tflite = json(`${name} of ${changes.version}`);
    files[`${name}.tflite`] = tflite;
    files[`${name}.json`] = json({ name, version: changes.version, model_sha256: await sha256Hex(tflite) });
  }
  const described = Object.entries(files).map(async ([name, content]) => ({
    name,
    role: name.endsWith(".png") ? "golden" : "a role",
    bytes: content.length,
    sha256: await sha256Hex(content),
  }));
  const manifest: Manifest = {
    v: 2,
    region,
    seq: 1,
    created_at: "2026-11-25T03:00:00Z",
    expires_at: "2027-05-24T03:00:00Z",
    min_app: 2,
    files: await Promise.all(described),
    golden: { name: "golden.png", counts: Object.fromEntries(sizes.map((size) => [size, { GNORAB: 3 }])) },
    ...changes,
  };
  const content = json(manifest);
  const certificate = root ? await root.certify(signer) : null;
  const signature: Signature = {
    v: 1,
    key_id: signer.public.key_id,
    signature: await signer.sign(content),
    certificate,
  };
  return { manifest, content, signature, files };
}
