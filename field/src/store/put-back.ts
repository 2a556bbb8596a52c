/**
 * Puts back what a file holds: the same phone's changes nothing, another phone's becomes history here, once.
 *
 * A fact's name is (phone, seq), and the phone is named by the key that it signs with. What another phone made gets a number of
 * this phone and keeps its old name in `was`: so it is known again in the next file, and the server can say whether that
 * phone has sent it since (sync/earlier.ts). Source: ADR 0023.
 */

import { deviceKey } from "../sync/device-key";
import type { Fact } from "../sync/protocol";
import { announceChange } from "./changed";
import { type Delivery, type Draft, database, type Earlier, type KeptPhoto, type Settings } from "./database";
import type { Everything } from "./export";
import type { Saved } from "./saved-file";

/** How many files are remembered. */
const FILES = 20;
const STORES = ["settings", "facts", "deliveries", "drafts", "photos", "advisories", "recounts"] as const;

/** What a file would bring; `unsent` had not been sent when it was saved. */
export interface Brings {
  traps: number;
  counts: number;
  photos: number;
  unsaved: number;
  unsent: number;
}

/** Under what a fact of any phone is known here. */
export const nameOf = ({ phone, seq }: { phone: string; seq: number }): string => `${seq} ${phone}`;
const isSent = ({ status }: { status: Delivery["status"] }): boolean =>
  !["waiting", "asking", "elsewhere"].includes(status);
const hasArrived = ({ status }: { status: Delivery["status"] }): boolean =>
  status === "stored" || status === "duplicate";

/** What is in the file and not on this phone. */
export async function whatComes({ content, proof }: Saved): Promise<Brings> {
  const plan = await planOf(content, proof.sha256);
  const counts = plan.added.filter(({ kind }) => kind === "observation").length;
  const traps = plan.added.flatMap((fact) => (fact.kind === "trap" ? [fact.body.trap] : []));
  const open = [...plan.added, ...plan.left].filter((fact) => fact.kind !== "trap" && !isSent(fact.delivery));
  const files = [...plan.photos, ...plan.drafts].filter(({ photo }) => photo);
  return {
    traps: new Set(traps).size,
    counts,
    photos: files.length,
    unsaved: plan.drafts.length,
    unsent: open.length,
  };
}

/** What of a file is news: facts that come, facts that are here and were left to the other phone, and what hangs on them. */
interface Plan {
  added: Everything["facts"];
  left: Everything["facts"];
  /** The number of each fact of the file that is on this phone already. */
  here: Map<number, number>;
  photos: Everything["photos"];
  drafts: Everything["drafts"];
}

async function planOf(content: Everything, sha256: string): Promise<Plan> {
  const own = (await deviceKey()).public_key;
  const plan: Plan = { added: [], left: [], here: new Map(), photos: [], drafts: [] };
  if (content.phone === own) return plan;
  const tx = (await database()).transaction(STORES);
  const [facts, deliveries, photos, drafts, done] = await Promise.all([
    tx.objectStore("facts").getAll(),
    tx.objectStore("deliveries").getAll(),
    tx.objectStore("photos").getAllKeys(),
    tx.objectStore("drafts").getAllKeys(),
    tx.objectStore("settings").get("put_back") as Promise<string[] | undefined>,
  ]);
  const known = new Map(facts.map(({ seq, was }) => [nameOf(was ?? { phone: own, seq }), seq]));
  const states = new Map(deliveries.map(({ seq, status }) => [seq, status]));
  for (const fact of [...content.facts].sort((a, b) => a.seq - b.seq)) {
    const seq = known.get(nameOf(fact.was ?? { phone: content.phone, seq: fact.seq }));
    if (seq === undefined) {
      if (fact.was?.phone !== own) plan.added.push(fact);
      continue;
    }
    plan.here.set(fact.seq, seq);
    if (states.get(seq) === "elsewhere") plan.left.push(fact);
  }
  plan.photos = content.photos.filter(({ sha256 }) => !photos.includes(sha256));
  // A count that stands in the file beside the draft is another one, though it may have been begun in the same second.
  const beside = new Set(plan.here.values());
  const saved = new Set(
    facts.flatMap(({ seq, kind, at, body }) =>
      kind === "observation" && !beside.has(seq) ? [`${body.trap} ${at}`] : [],
    ),
  );
  if (!done?.includes(sha256)) {
    plan.drafts = content.drafts.filter(
      ({ trap, begun_at }) => !drafts.includes(trap) && !saved.has(`${trap} ${begun_at}`),
    );
  }
  return plan;
}

/**
 * Puts everything back in one transaction: all of it or nothing.
 *
 * @param isOldPhoneGone nobody sends from the other phone any more, so what it had not sent goes out from here
 * @throws Problem 507.1 (by asProblem) when the phone has no room for it
 */
export async function putBack({ content, files, proof }: Saved, isOldPhoneGone: boolean): Promise<void> {
  const plan = await planOf(content, proof.sha256);
  const open = isOldPhoneGone ? "asking" : "elsewhere";
  const tx = (await database()).transaction(STORES, "readwrite", { durability: "strict" });
  const settings = tx.objectStore("settings");
  const one = async <K extends keyof Settings>(name: K): Promise<Settings[K] | undefined> =>
    (await settings.get(name)) as Settings[K] | undefined;
  const writes: Promise<unknown>[] = [];
  const seqs = new Map(plan.here);
  const states = new Map<number, Delivery["status"]>();
  let last = (await one("last_seq")) ?? 0;
  for (const { delivery, ...fact } of plan.added) {
    const body = { ...fact.body };
    if (fact.kind === "correction") {
      const observation = seqs.get(fact.body.observation);
      if (observation === undefined) continue; // of a count that nobody has
      Object.assign(body, { observation });
    }
    const seq = ++last;
    seqs.set(fact.seq, seq);
    const status =
      fact.kind === "trap" ? "waiting" : hasArrived(delivery) ? "stored" : isSent(delivery) ? delivery.status : open;
    states.set(seq, status);
    const was = fact.was ?? { phone: content.phone, seq: fact.seq };
    writes.push(tx.objectStore("facts").add({ ...fact, body, seq, was } as Fact));
    const { problem, answered_at } =
      isSent(delivery) && fact.kind !== "trap" ? delivery : { problem: null, answered_at: null };
    writes.push(
      tx
        .objectStore("deliveries")
        .add({ seq, status, problem, answered_at, ...(answered_at && { elsewhere: "other" }) }),
    );
  }
  if (isOldPhoneGone) {
    for (const fact of plan.left) {
      const seq = seqs.get(fact.seq) as number;
      states.set(seq, open);
      writes.push(tx.objectStore("deliveries").put({ seq, status: open, problem: null, answered_at: null }));
    }
  }
  const blob = (name: string | null): Blob | null => (name === null ? null : typed(files.get(name), name));
  for (const photo of plan.photos) {
    const observation = seqs.get(photo.observation);
    if (observation === undefined) continue;
    const isOurs = states.get(observation) === "asking" && photo.status === "waiting";
    const status = isOurs || photo.status !== "waiting" ? photo.status : "elsewhere";
    const kept: KeptPhoto = { ...photo, observation, status, photo: blob(photo.photo) };
    writes.push(tx.objectStore("photos").put(kept));
  }
  for (const draft of plan.drafts) {
    writes.push(tx.objectStore("drafts").put({ ...draft, photo: blob(draft.photo) } as Draft));
  }
  for (const advisory of content.advisories) {
    if (!(await tx.objectStore("advisories").getKey(advisory.id)))
      writes.push(tx.objectStore("advisories").put(advisory));
  }
  for (const recount of content.recounts) {
    const observation = seqs.get(recount.observation);
    if (observation && !(await tx.objectStore("recounts").getKey(observation)))
      writes.push(tx.objectStore("recounts").put({ ...recount, observation }));
  }
  const { photos_go, size_choice } = content.settings;
  const { inspection } = content;
  const ifNone = async <K extends keyof Settings>(name: K, value: Settings[K] | null | undefined): Promise<void> => {
    if (value != null && (await one(name)) === undefined) writes.push(settings.put(value, name));
  };
  await ifNone("photos_go", photos_go);
  await ifNone("size_choice", size_choice);
  if (plan.added.length > 0) await ifNone("inspection", inspection);
  writes.push(settings.put(last, "last_seq"));
  const done = ((await one("put_back")) ?? []).filter((sha256) => sha256 !== proof.sha256);
  writes.push(settings.put([...done, proof.sha256].slice(-FILES), "put_back"));
  if ([...states.values()].includes("asking")) {
    const asked = new Map(((await one("earlier")) ?? []).map((one) => [one.phone, one]));
    for (const one of [...content.earlier, proof]) asked.set(one.phone, one);
    writes.push(settings.put([...asked.values()], "earlier"));
  }
  await Promise.all([...writes, tx.done]);
  announceChange();
}

function typed(content: Blob | undefined, name: string): Blob | null {
  const ending = name.split(".").at(-1) ?? "";
  return content?.slice(0, content.size, `image/${ending === "jpg" ? "jpeg" : ending}`) ?? null;
}

/** What the server has said: facts of these names arrived from another phone, all others go out from here. */
export async function settleEarlier(asked: readonly Earlier[], arrived: ReadonlySet<string>): Promise<void> {
  const tx = (await database()).transaction(["settings", "facts", "deliveries", "photos"], "readwrite");
  const settings = tx.objectStore("settings");
  const now = ((await settings.get("earlier")) ?? []) as Earlier[];
  // Another file was put back while the server was asked: ask about that, too, before anything goes out.
  if (now.some(({ sha256 }) => !asked.some((one) => one.sha256 === sha256))) return tx.done;
  const deliveries = tx.objectStore("deliveries");
  const sentElsewhere = new Set<number>();
  for (const { seq, was } of await tx.objectStore("facts").getAll()) {
    if (!was || (await deliveries.get(seq))?.status !== "asking") continue;
    const isThere = arrived.has(nameOf(was));
    if (isThere) sentElsewhere.add(seq);
    await deliveries.put({ seq, status: isThere ? "stored" : "waiting", problem: null, answered_at: null });
  }
  for (const photo of await tx.objectStore("photos").getAll()) {
    if (photo.status === "waiting" && sentElsewhere.has(photo.observation))
      await tx.objectStore("photos").put({ ...photo, status: "elsewhere" });
  }
  await settings.delete("earlier");
  await tx.done;
  announceChange();
}
