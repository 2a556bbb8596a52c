/** Reads what the app sends to /sync, as a server does. */

import { inflateSync } from "node:zlib";
import { fromCbor } from "../src/sync/cbor";
import type { Fact, SyncRequest } from "../src/sync/protocol";
import { FACTS, fromTable } from "../src/sync/table";

export function readMessage({ headers, body }: RequestInit): SyncRequest {
  const isPacked = (headers as Record<string, string>)["content-encoding"] === "deflate";
  return fromCbor(isPacked ? inflateSync(body as Uint8Array) : (body as Uint8Array)) as SyncRequest;
}

export function factsOf({ facts }: SyncRequest): Fact[] {
  return Array.isArray(facts) ? facts : (fromTable(facts, FACTS) as unknown as Fact[]);
}
