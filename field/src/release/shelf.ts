/**
 * The models that this phone holds: a base release, the region's own if there is one, and their files.
 *
 * A region releases `small` alone; the other sizes and the gate come from the base. A phone that has never downloaded a base
 * uses the one that came with the app. Downloaded files are kept by their hash, and only once their model has counted the
 * golden picture on this phone: what is here may be used, and what is not here yet never holds up a count.
 */

import { BASE_KEYS, BUNDLED } from "virtual:bundled-release";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Sidecar } from "../count/count-picture";
import type { GateSidecar } from "../count/gate";
import type { Model } from "../count/messages";
import { Problem } from "../problem";
import type { Instant, ProblemJson } from "../sync/protocol";
import { isCounterHere } from "./arrival";
import {
  BASE_REGION,
  filesFor,
  type Manifest,
  type Pair,
  pairOf,
  parseJson,
  type ReleaseFile,
  type Size,
} from "./manifest";
import { wantedSize } from "./size";
import { checkFile, isOverdue, type Seen, type Signature, type Verified, verify } from "./verify";

type Bytes = Uint8Array<ArrayBuffer>;

/** Contents by their hash. */
export type Files = Record<string, Bytes>;

/** A release whose signature was checked; `bundled` are those of its files that came with the app. */
export interface Release extends Verified {
  bundled?: Files;
}

/** What this phone counts with: the base, and before it the region's own release. */
export interface Held {
  base: Release;
  region: Release | null;
}

/** A release, or a size of one, that was offered and not taken; `sha256` is the manifest's or the model's. */
export interface RefusedRelease {
  version: string;
  sha256: string;
  problem: ProblemJson;
  at: Instant;
}

/** What a screen may say about models. */
export interface ReleaseState {
  current: { region: string; version: string; size: Size; seq: number; expires_at: Instant; overdue: boolean };
  previous: string | null;
  refused: RefusedRelease | null;
  checked_at: Instant | null;
}

interface Notes {
  seen: Seen;
  previous: string;
  refused: RefusedRelease[];
  checked_at: Instant;
}

interface Schema extends DBSchema {
  releases: { key: "base" | "region"; value: Verified };
  files: { key: string; value: Bytes };
  notes: { key: keyof Notes; value: Notes[keyof Notes] };
  /** Downloads that were cut off, by the hash of the whole. */
  parts: { key: string; value: Bytes };
}

let opened: Promise<IDBPDatabase<Schema>> | undefined;

/** Its own database: models come and go without touching a farmer's counts. */
export function shelf(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>("pestwatch-releases", 2, {
    upgrade(db, from) {
      if (from < 1) {
        db.createObjectStore("notes");
        db.createObjectStore("parts");
      } else {
        // Releases of the first format hold one model each, which this app cannot use.
        db.deleteObjectStore("releases");
      }
      db.createObjectStore("releases");
      db.createObjectStore("files");
    },
    blocking: () => void closeShelf(),
    terminated: () => {
      opened = undefined;
    },
  });
  return opened;
}

export async function closeShelf(): Promise<void> {
  const closing = opened;
  opened = undefined;
  (await closing)?.close();
}

export async function note<K extends keyof Notes>(key: K): Promise<Notes[K] | undefined> {
  return (await (await shelf()).get("notes", key)) as Notes[K] | undefined;
}

/** The releases in use. Throws Problem 503.2 as long as the first visit is not complete. */
export async function heldReleases(): Promise<Held> {
  const db = await shelf();
  const [base, region] = await Promise.all([db.get("releases", "base"), db.get("releases", "region")]);
  return { base: base && !isReplacedByBundled(base.manifest) ? base : await bundledRelease(), region: region ?? null };
}

/** An app update brings a newer base: it replaces an older base, but never what a region has trained. */
function isReplacedByBundled({ created_at }: Manifest): boolean {
  return BUNDLED !== null && Date.parse(BUNDLED.created_at) > Date.parse(created_at);
}

let bundled: Promise<Release & { bundled: Files }> | undefined;

function bundledRelease(): Promise<Release & { bundled: Files }> {
  bundled ??= openBundled();
  bundled.catch(() => {
    bundled = undefined;
  });
  return bundled;
}

/** The release inside the app with its `small`; checked like any other, as it came over the same network. */
async function openBundled(): Promise<Release & { bundled: Files }> {
  if (!BUNDLED) throw new Error("the app was built without a model");
  if (!(await isCounterHere())) throw new Problem("503.2");
  const content = await fetched("manifest.json");
  const signature = parseJson(await fetched("manifest.sig"), "manifest.sig") as Signature;
  const verified = await verify(content, signature, { base_keys: BASE_KEYS, root: null });
  const { manifest } = verified;
  const files: Files = {};
  for (const file of filesFor(manifest, "small")) {
    if (file.name !== manifest.golden.name) files[file.sha256] = await checked(file);
  }
  return { ...verified, bundled: files };
}

async function checked(file: ReleaseFile): Promise<Bytes> {
  const content = await fetched(file.name);
  await checkFile(file, content);
  return content;
}

/** A file of the bundled release. Throws Problem 503.2 when the phone neither has it nor can get it now. */
async function fetched(name: string): Promise<Bytes> {
  const response = await fetch(`${import.meta.env.BASE_URL}models/${BUNDLED?.version}/${name}`).catch(() => null);
  if (!response?.ok) throw new Problem("503.2");
  return new Uint8Array(await response.arrayBuffer());
}

/** The content of a file that this phone has, whichever release it came with. */
export async function contentOf({ sha256 }: ReleaseFile, { base }: Held): Promise<Bytes | undefined> {
  const kept = base.bundled?.[sha256] ?? (await (await shelf()).get("files", sha256));
  if (kept || !base.bundled) return kept;
  // The app's golden picture waits until a release is to be checked: nobody's first count needs it.
  const golden = base.manifest.files.find(({ name }) => name === base.manifest.golden.name);
  return golden?.sha256 === sha256 ? checked(golden) : undefined;
}

interface Unpacked<S> {
  tflite: Uint8Array;
  sidecar: S;
}

/** A model, or the gate, of a release with its sidecar; throws Problem 422.20 when the sidecar is not this model's. */
export function unpack<S = Sidecar>({ model, sidecar }: Pair, { version }: Manifest, files: Files): Unpacked<S> {
  const described = parseJson(files[sidecar.sha256], sidecar.name) as S & { version: string; model_sha256: string };
  if (described.version !== version || described.model_sha256 !== model.sha256) {
    throw new Problem("422.20", { name: sidecar.name, detail: "it belongs to another model" });
  }
  return { tflite: files[model.sha256], sidecar: described };
}

/** As unpack, from the phone; null when it is not here. */
async function kept<S = Sidecar>(pair: Pair | null, { manifest }: Release, held: Held): Promise<Unpacked<S> | null> {
  if (!pair) return null;
  const files: Files = {};
  for (const file of [pair.model, pair.sidecar]) {
    const content = await contentOf(file, held);
    if (!content) return null;
    files[file.sha256] = content;
  }
  return unpack<S>(pair, manifest, files);
}

/** The gate of the base in use. */
export const gateInUse = (held: Held): Promise<Model["gate"]> =>
  kept<GateSidecar>(pairOf(held.base.manifest, "gate"), held.base, held);

interface InUse {
  release: Release;
  size: Size;
  model: Model;
}

/** A size that is on this phone, the region's own before the base's; null when it has not arrived. */
export async function find(size: Size, held: Held): Promise<InUse | null> {
  for (const release of [held.region, held.base]) {
    const found = release && (await kept(pairOf(release.manifest, size), release, held));
    if (release && found) return { release, size, model: { ...found, gate: await gateInUse(held) } };
  }
  return null;
}

/** The wanted size if it is here, else what is. */
async function inUse(): Promise<InUse> {
  const held = await heldReleases();
  for (const size of [await wantedSize(), "small", "nano", "base"] as const) {
    const found = await find(size, held);
    if (found) return found;
  }
  throw new Problem("503.2");
}

/** The model to count with now, ready to load; throws Problem 503.2 as long as the first visit is not complete. */
export async function modelInUse(): Promise<Model> {
  return (await inUse()).model;
}

/** The usual size as it came with the app; throws Problem 503.2 as modelInUse does. */
export async function bundledModel(): Promise<Model> {
  const base = await bundledRelease();
  const { manifest, bundled: files } = base;
  return {
    ...unpack(pairOf(manifest, "small") as Pair, manifest, files),
    gate: await gateInUse({ base, region: null }),
  };
}

/**
 * Puts a release in use.
 *
 * In one transaction: a phone that loses power here has the old one or the new one, and the ratchet to go with it.
 */
export async function take(next: Verified, files: Files, before: Held, seen: Seen): Promise<void> {
  const line = next.manifest.region === BASE_REGION ? "base" : "region";
  const previous = before[line] ?? before.base;
  const transaction = (await shelf()).transaction(["releases", "files", "notes", "parts"], "readwrite");
  const stored = transaction.objectStore("files");
  const needed = new Set(
    Object.values({ ...before, [line]: next }).flatMap(
      (held) => held?.manifest.files.map(({ sha256 }) => sha256) ?? [],
    ),
  );
  const stale = (await stored.getAllKeys()).filter((sha256) => !needed.has(sha256));
  await Promise.all([
    transaction.objectStore("releases").put(next, line),
    ...stale.map((sha256) => stored.delete(sha256)),
    ...Object.entries(files).map(([sha256, content]) => stored.put(content, sha256)),
    transaction.objectStore("notes").put(seen, "seen"),
    transaction.objectStore("notes").put(previous.manifest.version, "previous"),
    transaction.objectStore("parts").clear(),
    transaction.done,
  ]);
}

/** Keeps another size of a release in use. */
export async function keepFiles(files: Files): Promise<void> {
  const transaction = (await shelf()).transaction("files", "readwrite");
  const puts = Object.entries(files).map(([sha256, content]) => transaction.store.put(content, sha256));
  await Promise.all([...puts, transaction.done]);
}

/** Forgets the release of a region that the phone has left. */
export async function leaveRegion(): Promise<void> {
  await (await shelf()).delete("releases", "region");
}

/** For the screens: which model counts, which was before, and why a newer one was refused. */
export async function releaseState(now = new Date()): Promise<ReleaseState> {
  const { release, size } = await inUse();
  const { region, version, seq, expires_at } = release.manifest;
  return {
    current: { region, version, size, seq, expires_at, overdue: isOverdue(release, now) },
    previous: (await note("previous")) ?? null,
    refused: (await note("refused"))?.at(-1) ?? null,
    checked_at: (await note("checked_at")) ?? null,
  };
}

/** Bytes to download before a size counts on this phone, by size; 0 for what is here. */
export async function downloadBytes(sizes: readonly Size[]): Promise<Map<Size, number>> {
  const held = await heldReleases();
  const found = new Map<Size, number>();
  for (const size of sizes) {
    const pair = pairOf(held.base.manifest, size);
    if (await find(size, held)) found.set(size, 0);
    else if (pair) found.set(size, pair.model.bytes + pair.sidecar.bytes);
  }
  return found;
}
