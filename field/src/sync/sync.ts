/**
 * Push what waits and pull what is new, in one request at a time. Station 4 of 9, the phone's half.
 *
 * Promises: nothing leaves the outbox without the server's word for it; one bad or too large item never holds up
 * the others; sending twice is harmless. Knows no page: the service worker calls it as well.
 * Next: `server/api/sync.py` reads the message, `pestwatch/sync/protocol.py` says what is in it.
 */

import { asProblem, Problem, problemJson } from "../problem";
import type { Enrolment } from "../store/database";
import { acknowledge, peek, refuse } from "../store/outbox";
import { setting } from "../store/settings";
import { fromCbor, toCbor } from "./cbor";
import { deviceKey, signed } from "./device-key";
import type { Fact, ProblemJson, SyncAnswer, SyncRequest, SyncResponse } from "./protocol";
import { instant } from "./protocol";
import { FACTS, fromTable, ITEMS, toTable } from "./table";

export const API = "/api/v1";
export const BATCH_FACTS = 100;

/** A phone's clock this far from the server's is worth a word to its owner. Source: docs/sync.md. */
export const CLOCK_WARNING_MS = 10 * 60 * 1000;

/** A link that is slower than this has broken off without saying so. Guess: 2G carries a full batch in 30 seconds. */
const PATIENCE_MS = 90_000;
/** Below this, packing saves less than its header costs. */
const PACKED_FROM_BYTES = 250;
const CBOR = "application/cbor";

/** The server answered, and the answer is no. */
export class Refusal extends Error {
  readonly status: number;
  readonly problem: ProblemJson;
  /** How long the server asks to be left alone; null if it does not say. */
  readonly wait_s: number | null;

  constructor(status: number, problem: ProblemJson, wait_s: number | null = null) {
    super(`${problem.number} ${problem.message}`);
    this.status = status;
    this.problem = problem;
    this.wait_s = wait_s;
  }
}

/**
 * One request to the server.
 *
 * @throws Refusal when it answers with a Problem, or (504) not in time. @throws Problem 502.1 without a connection.
 */
export async function request(path: string, init: RequestInit): Promise<unknown> {
  const signal = AbortSignal.timeout?.(PATIENCE_MS) ?? null;
  let response: Response;
  let bytes: Uint8Array;
  try {
    response = await fetch(`${API}${path}`, { cache: "no-store", signal, ...init });
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch {
    const problem = new Problem("502.1");
    throw signal?.aborted ? new Refusal(504, problemJson(problem)) : problem;
  }
  let body: unknown = null;
  try {
    const isCbor = response.headers.get("content-type") === CBOR;
    body = isCbor ? fromCbor(bytes) : JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // A captive portal or a proxy speaks HTML; the status decides below.
  }
  if (response.ok && body !== null) return body;
  const problem = (body as { problem?: ProblemJson } | null)?.problem;
  const wait_s = Number(response.headers.get("retry-after")) || null;
  throw new Refusal(response.ok ? 502 : response.status, problem ?? problemJson(new Problem("502.2")), wait_s);
}

/** The message in fewer bytes, where the browser can pack and it is worth it: a batch of counts shrinks to the half. */
async function packed(
  message: Uint8Array<ArrayBuffer>,
): Promise<{ body: Uint8Array<ArrayBuffer>; encoding: Record<string, string> }> {
  if (message.length < PACKED_FROM_BYTES || !("CompressionStream" in globalThis))
    return { body: message, encoding: {} };
  const stream = new Blob([message]).stream().pipeThrough(new CompressionStream("deflate"));
  const body = new Uint8Array(await new Response(stream).arrayBuffer());
  return { body, encoding: { "content-encoding": "deflate" } };
}

/** Sends one batch; what comes back is written down before this returns. */
async function exchange(enrolment: Enrolment, facts: Fact[], app: string): Promise<SyncResponse> {
  const [key, cursor, locale, model] = await Promise.all([
    deviceKey(),
    setting("cursor"),
    setting("locale"),
    setting("model"),
  ]);
  const { public_key } = key;
  const message: SyncRequest = {
    v: 1,
    sent_at: instant(new Date()),
    cursor: cursor ?? null,
    locale: locale ?? "en",
    app,
    model: model ?? null,
    region: enrolment.region,
    ...(enrolment.public_key !== public_key && { public_key }),
    facts: (facts.length > 1 && toTable(facts, FACTS)) || facts,
  };
  const { body, encoding } = await packed(toCbor(message));
  const headers = {
    "content-type": CBOR,
    authorization: `Bearer ${enrolment.token}`,
    "phone-signature": await signed(key, body),
    // The browser's own list of languages would take the bytes of two counts; what it says of caches, of three (below).
    "accept-language": message.locale,
    ...encoding,
  };
  const init: RequestInit = { method: "POST", headers, body, cache: "default", mode: "same-origin" };
  const answer = (await request("/sync", init)) as SyncAnswer | null;
  if (answer?.v !== 1) throw new Refusal(502, problemJson(new Problem("502.2")));
  const { items } = answer;
  const response = {
    more: false,
    changes: [],
    release: null,
    ...answer,
    items: Array.isArray(items) ? items : (fromTable(items, ITEMS) as unknown as SyncResponse["items"]),
  };
  await acknowledge(response, public_key);
  return response;
}

/**
 * Pushes until nothing waits and pulls until nothing is new.
 *
 * A batch that the server finds too large (413) or cannot read (400), or that takes too long, is halved; a single fact
 * that is refused so is marked and the rest goes on. Before a signature is believed to be wrong it is made once more, with the
 * key that lies on the phone by then: another window may have made it, or enrolled anew.
 *
 * @throws Refusal, Problem 502.1
 */
export async function pushAndPull(enrolment: Enrolment, app: string): Promise<void> {
  let limit = BATCH_FACTS;
  let cursor = await setting("cursor");
  let isSignedAnew = false;
  for (;;) {
    const facts = await peek(limit);
    let response: SyncResponse;
    try {
      // As it stands now: the answer before may have moved this phone to another region.
      response = await exchange((await setting("enrolment")) ?? enrolment, facts, app);
    } catch (error) {
      if (!isSignedAnew && error instanceof Refusal && error.problem.number === "401.6") {
        isSignedAnew = true;
        continue;
      }
      const isAboutTheBatch = error instanceof Refusal && [400, 413, 504].includes(error.status);
      const [only, ...others] = facts;
      if (!isAboutTheBatch || !only || (error.status === 504 && others.length === 0)) throw error;
      if (others.length === 0) {
        await refuse(only.seq, error.problem);
        limit = BATCH_FACTS;
      } else {
        limit = Math.ceil(facts.length / 2);
      }
      continue;
    }
    const answered = new Set(response.items.map((item) => item.seq));
    // A server that leaves facts unanswered would be asked for ever: leave them for the next time.
    if (facts.some((fact) => !answered.has(fact.seq))) throw new Refusal(502, problemJson(new Problem("502.2")));
    const hasMoreToPush = facts.length === limit;
    // A cursor that stands still would be asked for ever.
    const hasMoreToPull = (response.more || response.held) && response.cursor !== cursor;
    if (!hasMoreToPush && !hasMoreToPull) return;
    cursor = response.cursor;
    limit = Math.min(BATCH_FACTS, limit * 2);
  }
}

/** The Problem to show for whatever ended a round. */
export function problemOf(error: unknown): ProblemJson {
  return error instanceof Refusal ? error.problem : problemJson(asProblem(error));
}
