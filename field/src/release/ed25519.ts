/** Ed25519 as the phone has it: the browser's own (Chrome from 137), else a small library. */

type Bytes = Uint8Array<ArrayBuffer>;

/** True when `publicKey` (32 bytes) made `signature` (64 bytes) over `content`. */
export async function isSignedBy(publicKey: Bytes, signature: Bytes, content: Bytes): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  } catch {
    return isSignedByLibrary(publicKey, signature, content);
  }
  return crypto.subtle.verify("Ed25519", key, signature, content);
}

/** The same for browsers without it; fetched only by them. */
export async function isSignedByLibrary(publicKey: Bytes, signature: Bytes, content: Bytes): Promise<boolean> {
  const { verifyAsync } = await import("@noble/ed25519");
  try {
    return await verifyAsync(signature, content, publicKey);
  } catch {
    return false; // not a point of the curve
  }
}
