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
import { keep, setting } from "../store/settings";
import type { Fact, ProblemJson, SyncRequest, SyncResponse } from "./protocol";
import { instant } from "./protocol";

export const API = "/api/v1";
export const BATCH_FACTS = 100;

/** A phone's clock this far from the server's is worth a word to its owner. Source: docs/sync.md. */
export const CLOCK_WARNING_MS = 10 * 60 * 1000;

/** A link that is slower than this has broken off without saying so. Guess: 2G carries a full batch in 30 seconds. */
const PATIENCE_MS = 90_000;
/** Below this, packing saves less than its headers cost. */
const PACKED_FROM_BYTES = 1_000;

/** The server answered, and the answer is no. */
export class Refusal extends Error {
  readonly status: number;
  readonly problem: ProblemJson;

  constructor(status: number, problem: ProblemJson) {
    super(`${problem.number} ${problem.message}`);
    this.status = status;
    this.problem = problem;
  }
}

/**
 * One request to the server.
 *
 * @throws Refusal when it answers with a Problem. @throws Problem 502.1 without a connection.
 */
export async function request(path: string, init: RequestInit): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    const signal = AbortSignal.timeout?.(PATIENCE_MS) ?? null;
    response = await fetch(`${API}${path}`, { cache: "no-store", signal, ...init });
    text = await response.text();
  } catch {
    throw new Problem("502.1");
  }
  let body: unknown = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    // A captive portal or a proxy speaks HTML; the status decides below.
  }
  if (response.ok && body !== null) return body;
  const problem = (body as { problem?: ProblemJson } | null)?.problem;
  throw new Refusal(response.ok ? 502 : response.status, problem ?? problemJson(new Problem("502.2")));
}

/** The message as gzip, where the browser can pack and it is worth it: a batch of counts shrinks to a tenth. */
async function packed(json: string): Promise<{ body: BodyInit; encoding: Record<string, string> }> {
  if (json.length < PACKED_FROM_BYTES || !("CompressionStream" in globalThis)) return { body: json, encoding: {} };
  const stream = new Blob([json]).stream().pipeThrough(new CompressionStream("gzip"));
  return { body: await new Response(stream).arrayBuffer(), encoding: { "content-encoding": "gzip" } };
}

/** Sends one batch; what comes back is written down before this returns. */
async function exchange(enrolment: Enrolment, facts: Fact[], app: string): Promise<SyncResponse> {
  const message: SyncRequest = {
    v: 1,
    sent_at: instant(new Date()),
    cursor: (await setting("cursor")) ?? null,
    locale: (await setting("locale")) ?? "en",
    app,
    model: (await setting("model")) ?? null,
    facts,
  };
  const { body, encoding } = await packed(JSON.stringify(message));
  const headers = { "content-type": "application/json", authorization: `Bearer ${enrolment.token}`, ...encoding };
  const response = (await request("/sync", { method: "POST", headers, body })) as SyncResponse | null;
  if (response?.v !== 1) throw new Refusal(502, problemJson(new Problem("502.2")));
  await acknowledge(response);
  await keep("enrolment", { ...enrolment, state: response.device });
  return response;
}

/**
 * Pushes until nothing waits and pulls until nothing is new.
 *
 * A batch that the server finds too large (413) or cannot read (400) is halved; a single fact that is refused so
 * is marked and the rest goes on.
 *
 * @throws Refusal, Problem 502.1
 */
export async function pushAndPull(enrolment: Enrolment, app: string): Promise<void> {
  let limit = BATCH_FACTS;
  let cursor = await setting("cursor");
  for (;;) {
    const facts = await peek(limit);
    let response: SyncResponse;
    try {
      response = await exchange(enrolment, facts, app);
    } catch (error) {
      const isAboutTheBatch = error instanceof Refusal && (error.status === 413 || error.status === 400);
      const [only, ...others] = facts;
      if (!isAboutTheBatch || !only) throw error;
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
    const hasMoreToPull = response.more && response.cursor !== cursor;
    if (!hasMoreToPush && !hasMoreToPull) return;
    cursor = response.cursor;
    limit = Math.min(BATCH_FACTS, limit * 2);
  }
}

/** The Problem to show for whatever ended a round. */
export function problemOf(error: unknown): ProblemJson {
  return error instanceof Refusal ? error.problem : problemJson(asProblem(error));
}
