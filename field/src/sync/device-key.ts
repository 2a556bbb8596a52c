/**
 * The key that this phone signs with: made here, and nobody can read its private half out again, not even this app.
 *
 * P-256 rather than Ed25519, which browsers before Chrome 137 lack. pestwatch/sync/signature.py checks.
 */

import { database } from "../store/database";
import { setting } from "../store/settings";

type Bytes = Uint8Array<ArrayBuffer>;

export interface DeviceKey {
  /** The 65 bytes of the point, in base64. */
  public_key: string;
  secret: CryptoKey;
}

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const PURPOSE = "pestwatch sync 1\n";
/** What a signature under a saved file is for. */
export const FILE_PURPOSE = "pestwatch file 1\n";

/** This phone's key; made at first use. */
export async function deviceKey(): Promise<DeviceKey> {
  const kept = await setting("device_key");
  if (kept) return kept;
  const pair = await crypto.subtle.generateKey(CURVE, false, ["sign"]);
  const made = { public_key: base64(await crypto.subtle.exportKey("raw", pair.publicKey)), secret: pair.privateKey };
  // Another tab may have made one meanwhile: the first that is written is this phone's.
  const tx = (await database()).transaction("settings", "readwrite");
  const first = (await tx.store.get("device_key")) as DeviceKey | undefined;
  if (!first) await tx.store.put(made, "device_key");
  await tx.done;
  return first ?? made;
}

/** What goes into the header: 64 bytes over a purpose and the body, in base64. */
export async function signed({ secret }: DeviceKey, body: Bytes, purpose = PURPOSE): Promise<string> {
  const content = await new Blob([purpose, body]).arrayBuffer();
  return base64(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, secret, content));
}

function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}
