/**
 * Whom the phone believes, and how it follows a manifest's signature to them.
 *
 * A base release is signed by a key made for it alone, which ships with the app. A regional one is signed by a key that
 * the installation's root certified; the phone learnt the root when it enrolled. Signatures are checked
 * before a byte of the manifest is understood.
 *
 * Twin: pestwatch/release/signing.py.
 */

import { Problem } from "../problem";
import type { Instant } from "../sync/protocol";
import { isSignedBy } from "./ed25519";
import { BASE_REGION, type Manifest, parseJson, parseManifest, type ReleaseFile } from "./manifest";

/** A public half: the raw 32 bytes in base64, and the name that follows from them. */
export interface PublicKey {
  key_id: string;
  public_key: string;
}

/** A shipped public half: it speaks for one base release and no other. */
export interface BaseKey extends PublicKey {
  not_before: Instant;
  not_after: Instant;
  signs: string;
}

/** manifest.sig; the certificate's body holds the exact signed bytes in base64. */
export interface Signature {
  v: 1;
  key_id: string;
  signature: string;
  certificate?: { body: string; signature: string; root_key_id: string } | null;
}

interface CertificateBody extends PublicKey {
  not_before: Instant;
  not_after: Instant;
  issued_by: string;
}

export interface Trust {
  base_keys: readonly BaseKey[];
  root: PublicKey | null;
}

/** A manifest whose signature holds, and the name under which its seq is remembered: the key's, or root's and region. */
export interface Verified {
  manifest: Manifest;
  chain: string;
  key_not_after: Instant;
}

/** The highest seq so far per chain of trust; in a region's, for that region. */
export type Seen = Readonly<Record<string, number>>;

/**
 * Follows a manifest's signature to a trusted key.
 *
 * @throws Problem 422.22 (no trusted key, a wrong signature, a key that may not sign this), 422.20 (not a manifest)
 */
export async function verify(content: Uint8Array, signature: Signature, trust: Trust): Promise<Verified> {
  return signature.certificate ? verifyRegional(content, signature, trust.root) : verifyBase(content, signature, trust);
}

async function verifyBase(content: Uint8Array, signature: Signature, trust: Trust): Promise<Verified> {
  const key = trust.base_keys.find((known) => known.key_id === signature.key_id);
  if (!key) throw new Problem("422.22", { detail: `key ${signature.key_id} is unknown` });
  await checkSignature(key, signature.signature, content);
  const manifest = parseManifest(content);
  if (manifest.version !== key.signs || manifest.region !== BASE_REGION) {
    throw new Problem("422.22", { detail: `key ${key.key_id} signs ${key.signs}, not ${manifest.version}` });
  }
  return { manifest, chain: key.key_id, key_not_after: key.not_after };
}

async function verifyRegional(content: Uint8Array, signature: Signature, root: PublicKey | null): Promise<Verified> {
  const { certificate, key_id } = signature;
  if (!certificate || !root || certificate.root_key_id !== root.key_id) {
    throw new Problem("422.22", { detail: `root ${certificate?.root_key_id} is unknown` });
  }
  const bodyBytes = bytesOf(certificate.body);
  await checkSignature(root, certificate.signature, bodyBytes);
  const body = parseJson(bodyBytes, "certificate") as CertificateBody;
  if (body.key_id !== key_id || body.issued_by !== root.key_id) {
    throw new Problem("422.22", { detail: `the certificate is for key ${body.key_id}` });
  }
  await checkSignature(body, signature.signature, content);
  const manifest = parseManifest(content);
  if (manifest.region === BASE_REGION) {
    throw new Problem("422.22", { detail: "an installation may not sign a base release" });
  }
  // A phone that is moved finds a release there that is older than the last one that it had here.
  return { manifest, chain: `${root.key_id} ${manifest.region}`, key_not_after: body.not_after };
}

/**
 * The ratchet: lets a release in only when its seq does not fall within its chain. The same comes again to a phone that
 * has left its region and is back.
 *
 * @throws Problem 422.23 when an old release is offered again
 */
export function admit({ manifest, chain }: Verified, seen: Seen): Seen {
  const highest = seen[chain] ?? 0;
  if (manifest.seq < highest) {
    throw new Problem("422.23", { version: manifest.version, seq: manifest.seq, seen: highest });
  }
  return { ...seen, [chain]: manifest.seq };
}

/** True when the phone should say that its model was not checked for long. It warns, and goes on counting. */
export function isOverdue({ manifest, key_not_after }: Omit<Verified, "chain">, now: Date): boolean {
  return now.getTime() > Math.min(Date.parse(manifest.expires_at), Date.parse(key_not_after));
}

/**
 * Compares a downloaded file with what was signed.
 *
 * @throws Problem 422.21 on another length or hash
 */
export async function checkFile(file: ReleaseFile, content: Uint8Array): Promise<void> {
  if (content.length !== file.bytes || (await sha256Hex(content)) !== file.sha256) {
    throw new Problem("422.21", { name: file.name });
  }
}

export async function sha256Hex(content: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes of standard base64; Problem 422.20 when it is none. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    throw new Problem("422.20", { name: "key or signature", detail: "not base64" });
  }
}

/** Problem 422.22 unless the key has the name that follows from it and made the signature over the content. */
async function checkSignature(key: PublicKey, signature: string, content: Uint8Array): Promise<void> {
  const raw = bytesOf(key.public_key);
  if ((await sha256Hex(raw)).slice(0, 16) !== key.key_id) {
    throw new Problem("422.22", { detail: `key ${key.key_id} does not have the name that follows from it` });
  }
  if (!(await isSignedBy(raw, bytesOf(signature), content as Uint8Array<ArrayBuffer>))) {
    throw new Problem("422.22", { detail: `the signature of key ${key.key_id} does not fit` });
  }
}
