/**
 * The outbox: append, peek, acknowledge; nothing else writes facts. Station 3 of 9.
 *
 * Promises: a fact is on the disk when `append` returns; a sequence number is never given twice, whatever
 * tab asks; no fact is ever changed or removed, whatever the server answers.
 * Next: station 4, `sync/sync.ts`, sends what waits.
 */

import { Problem } from "../problem";
import type {
  AdvisoryChange,
  CorrectionBody,
  Fact,
  Held,
  Instant,
  NewFact,
  ProblemJson,
  SyncResponse,
} from "../sync/protocol";
import { announceChange } from "./changed";
import { type Delivery, database, type Enrolment, type KeptPhoto } from "./database";

/** A fact, or one made from the sequence number that its predecessor in the same call was given. */
type Entry = NewFact | ((previous: number) => NewFact);

/** A person's number, and where the insects are on the photo if that was said too. */
export type Recount = Pick<CorrectionBody, "counts" | "marks">;

/**
 * Appends facts in one transaction: all of them or none.
 *
 * @returns their sequence numbers, in order.
 * @throws Problem 507.1 when the phone has no room left.
 */
export async function append(...entries: Entry[]): Promise<number[]> {
  return inOneTransaction(entries, null);
}

/**
 * Appends an observation with the person's correction and the photo that may be sent, all or nothing, and ends its draft.
 *
 * @returns the observation's sequence number.
 * @throws Problem 507.1 when the phone has no room left.
 */
export async function appendObservation(
  observation: Extract<NewFact, { kind: "observation" }>,
  correction: Recount | null,
  photo: Blob | null,
): Promise<number> {
  const entries: Entry[] = [observation];
  if (correction) {
    entries.push((seq) => ({
      kind: "correction",
      at: observation.at,
      body: { observation: seq, ...correction },
    }));
  }
  const [seq] = await inOneTransaction(entries, observation.body.photo_consent ? photo : null);
  return seq as number;
}

async function inOneTransaction(entries: Entry[], photo: Blob | null): Promise<number[]> {
  const db = await database();
  try {
    const tx = db.transaction(["settings", "facts", "deliveries", "photos", "drafts"], "readwrite", {
      durability: "strict",
    });
    const settings = tx.objectStore("settings");
    const last = ((await settings.get("last_seq")) as number | undefined) ?? 0;
    // Cloned before the first write: one that cannot be stored must fail while there is nothing yet to commit.
    const facts = structuredClone(
      entries.map((entry, index): Fact => {
        const seq = last + 1 + index;
        return { ...(typeof entry === "function" ? entry(seq - 1) : entry), seq };
      }),
    );
    const writes: Promise<unknown>[] = [settings.put(last + facts.length, "last_seq")];
    for (const fact of facts) {
      const { seq } = fact;
      writes.push(tx.objectStore("facts").add(fact));
      writes.push(tx.objectStore("deliveries").add(waiting(seq)));
      if (fact.kind === "observation") writes.push(tx.objectStore("drafts").delete(fact.body.trap));
      if (photo && fact.kind === "observation" && fact.body.photo) {
        const kept: KeptPhoto = { sha256: fact.body.photo, observation: seq, photo, status: "waiting", problem: null };
        writes.push(tx.objectStore("photos").put(kept));
      }
    }
    await Promise.all([...writes, tx.done]);
    announceChange();
    return facts.map((fact) => fact.seq);
  } catch (error) {
    if (error instanceof DOMException && error.name === "QuotaExceededError") throw new Problem("507.1");
    throw error;
  }
}

/** The oldest facts that no server has answered for yet. */
export async function peek(limit: number): Promise<Fact[]> {
  const db = await database();
  const tx = db.transaction(["facts", "deliveries"]);
  const seqs = await tx.objectStore("deliveries").index("by_status").getAllKeys("waiting", limit);
  const facts = await Promise.all(seqs.map((seq) => tx.objectStore("facts").get(seq)));
  await tx.done;
  return facts.filter((fact) => fact !== undefined);
}

const waiting = (seq: number): Delivery => ({ seq, status: "waiting", problem: null, answered_at: null });

const hasArrived = (delivery: Delivery | undefined): boolean =>
  delivery?.status === "stored" || delivery?.status === "duplicate";

const isAmong = (held: Held, seq: number): boolean => held.some(([first, last]) => first <= seq && seq <= last);

/**
 * Writes down what the server said, and what it had to tell, in one transaction: a cursor never runs ahead, and no advice
 * stands here as if it were another region's.
 *
 * A server that came back from a backup says what it has: what else it acknowledged waits again, and its photo with it.
 *
 * @param publicKey by which the server knows this phone from now on
 * @returns whether it said so
 */
export async function acknowledge(response: SyncResponse, publicKey = ""): Promise<boolean> {
  const db = await database();
  const tx = db.transaction(["settings", "deliveries", "advisories", "recounts"], "readwrite");
  const deliveries = tx.objectStore("deliveries");
  const settings = tx.objectStore("settings");
  const { held, cursor } = response;
  // A server that said so under the same cursor each time would be sent everything for ever.
  const isToldAnew = !!held && cursor !== (await settings.get("cursor"));
  if (isToldAnew) {
    for (const { seq, status, answered_at, elsewhere } of await deliveries.getAll()) {
      // A number that is there names other content if it was in conflict.
      if (answered_at && !elsewhere && (status === "conflict" || !isAmong(held, seq)))
        await deliveries.put(waiting(seq));
    }
  }
  for (const { seq, status, problem } of response.items) {
    // An answer for a number that this phone never gave away is none of ours.
    if (seq === null || (await deliveries.getKey(seq)) === undefined) continue;
    await deliveries.put({ seq, status, problem, answered_at: response.server_time });
  }
  for (const change of response.changes) {
    if (change.kind === "drop") await keepAdviceOf(change.keep, tx.objectStore("advisories"));
    if (change.kind === "advisory") await tx.objectStore("advisories").put(change);
    if (change.kind === "recount") await tx.objectStore("recounts").put(change);
  }
  const enrolment = (await settings.get("enrolment")) as Enrolment | undefined;
  if (enrolment) {
    // A backup may be older than the moment in which this phone showed its key: then it is shown again.
    const known = { public_key: isToldAnew ? "" : publicKey, state: response.device };
    const drop = response.changes.find((change) => change.kind === "drop");
    await settings.put({ ...enrolment, ...known, region: drop?.keep ?? enrolment.region }, "enrolment");
  }
  await settings.put(cursor, "cursor");
  await settings.put(response.clock_offset_ms, "clock_offset_ms");
  await settings.put(response.server_time, "last_synced_at");
  await settings.put(response.notices ?? [], "notices");
  await tx.done;
  announceChange();
  return isToldAnew;
}

/** An officer's recounts stay: they are about counts, wherever those belong. */
async function keepAdviceOf(
  region: string,
  advisories: { getAll(): Promise<AdvisoryChange[]>; delete(id: number): Promise<void> },
): Promise<void> {
  for (const advisory of await advisories.getAll()) {
    if (advisory.region !== region) await advisories.delete(advisory.id);
  }
}

/** Marks facts as refused without an answer for each, as when one alone is too large to send. */
export async function refuse(seq: number, problem: ProblemJson): Promise<void> {
  await (await database()).put("deliveries", { seq, status: "rejected", problem, answered_at: null });
  announceChange();
}

/** Notes what was handed to the SMS app. It goes on waiting: only an answer of the server takes it out of the outbox. */
export async function markAsSms(seqs: number[], at: Instant): Promise<void> {
  const tx = (await database()).transaction("deliveries", "readwrite");
  for (const seq of seqs) {
    const delivery = await tx.store.get(seq);
    if (delivery?.status === "waiting") await tx.store.put({ ...delivery, sms_at: at });
  }
  await tx.done;
  announceChange();
}

/** Lets what was refused be sent once more, after an update perhaps. */
export async function sendAgain(seq: number): Promise<void> {
  await (await database()).put("deliveries", waiting(seq));
  announceChange();
}

/**
 * Keeps a new enrolment. Its server gets everything that it needs: descriptions of traps, and all that has not arrived. Facts
 * that another enrolment delivered stay delivered, unless the server has lost them; advice of another region goes.
 *
 * @param held what earlier enrolments of this phone brought to this server; null: they were at another one, or had another key
 */
export async function startAnew(enrolment: Enrolment, held: Held | null): Promise<void> {
  const db = await database();
  const tx = db.transaction(["facts", "deliveries", "settings", "advisories"], "readwrite");
  const deliveries = tx.objectStore("deliveries");
  for (const { seq, kind } of await tx.objectStore("facts").getAll()) {
    const delivery = await deliveries.get(seq);
    const elsewhere = held ? (delivery?.elsewhere ?? "earlier") : "other";
    const isThere = hasArrived(delivery) && (!held || elsewhere === "other" || isAmong(held, seq));
    await deliveries.put(isThere && kind !== "trap" ? { ...(delivery as Delivery), elsewhere } : waiting(seq));
  }
  await keepAdviceOf(enrolment.region, tx.objectStore("advisories"));
  const settings = tx.objectStore("settings");
  await settings.put(enrolment, "enrolment");
  await settings.delete("asking");
  await settings.delete("cursor");
  await tx.done;
  announceChange();
}

export async function factsWithDeliveries(): Promise<{ fact: Fact; delivery: Delivery }[]> {
  const db = await database();
  const tx = db.transaction(["facts", "deliveries"]);
  const [facts, deliveries] = await Promise.all([
    tx.objectStore("facts").getAll(),
    tx.objectStore("deliveries").getAll(),
  ]);
  const bySeq = new Map(deliveries.map((delivery) => [delivery.seq, delivery]));
  return facts.map((fact) => ({ fact, delivery: bySeq.get(fact.seq) as Delivery }));
}

export async function waitingCount(): Promise<number> {
  return (await database()).countFromIndex("deliveries", "by_status", "waiting");
}

/** Photos that may go now: agreed to, and their observation has arrived. */
export async function photosToSend(): Promise<(KeptPhoto & { photo: Blob })[]> {
  const db = await database();
  const photos = await db.getAllFromIndex("photos", "by_status", "waiting");
  const ready: (KeptPhoto & { photo: Blob })[] = [];
  for (const kept of photos) {
    const arrived = hasArrived(await db.get("deliveries", kept.observation));
    if (kept.photo && arrived) ready.push({ ...kept, photo: kept.photo });
  }
  return ready;
}

/** What became of a photo: arrived, and the phone lets go of it, or refused with the reason. */
export async function settlePhoto(sha256: string, problem: ProblemJson | null): Promise<void> {
  const db = await database();
  const kept = await db.get("photos", sha256);
  if (!kept) return;
  await db.put(
    "photos",
    problem ? { ...kept, status: "rejected", problem } : { ...kept, photo: null, status: "stored", problem: null },
  );
  announceChange();
}
