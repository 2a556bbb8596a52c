/**
 * The releases that this phone holds: the one in use, the one before it, and what was learnt about others.
 *
 * A phone that has never downloaded a release uses the base release that came with the app.
 */

import { BASE_KEYS, BUNDLED } from "virtual:bundled-release";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Sidecar } from "../count/count-picture";
import type { Model } from "../count/messages";
import { Problem } from "../problem";
import type { Instant, ProblemJson } from "../sync/protocol";
import { BASE_REGION, fileOf, type Manifest, parseJson } from "./manifest";
import { checkFile, isOverdue, type Seen, type Signature, type Verified, verify } from "./verify";

/** A release whose signature and files were checked. */
export interface Release extends Verified {
  /** By name, as the manifest lists them. */
  files: Record<string, Uint8Array<ArrayBuffer>>;
}

/** A release that was offered and not taken. */
export interface RefusedRelease {
  version: string;
  manifest_sha256: string;
  problem: ProblemJson;
  at: Instant;
}

/** What a screen may say about models. */
export interface ReleaseState {
  current: { region: string; version: string; seq: number; expires_at: Instant; overdue: boolean };
  previous: string | null;
  refused: RefusedRelease | null;
  checked_at: Instant | null;
}

interface Notes {
  seen: Seen;
  refused: RefusedRelease;
  checked_at: Instant;
}

interface Schema extends DBSchema {
  releases: { key: "current" | "previous"; value: Release };
  notes: { key: keyof Notes; value: Notes[keyof Notes] };
  /** Downloads that were cut off, by the hash of the whole. */
  parts: { key: string; value: Uint8Array<ArrayBuffer> };
}

let opened: Promise<IDBPDatabase<Schema>> | undefined;

/** Its own database: models come and go without touching a farmer's counts. */
export function shelf(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>("pestwatch-releases", 1, {
    upgrade(db) {
      db.createObjectStore("releases");
      db.createObjectStore("notes");
      db.createObjectStore("parts");
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

/** The release to count with now. Throws Problem 503.2 as long as the first visit is not complete. */
export async function releaseInUse(): Promise<Release> {
  const downloaded = await (await shelf()).get("releases", "current");
  if (downloaded && !isReplacedByBundled(downloaded.manifest)) return downloaded;
  bundled ??= openBundled();
  bundled.catch(() => {
    bundled = undefined;
  });
  return bundled;
}

/** An app update brings a newer base: it replaces an older base, but never what a region has trained. */
function isReplacedByBundled({ region, created_at }: Manifest): boolean {
  return region === BASE_REGION && BUNDLED !== null && Date.parse(BUNDLED.created_at) > Date.parse(created_at);
}

let bundled: Promise<Release> | undefined;

/** The release inside the app; checked like any other, as it came over the same network. */
async function openBundled(): Promise<Release> {
  if (!BUNDLED) throw new Error("the app was built without a model");
  const folder = `${import.meta.env.BASE_URL}models/${BUNDLED.version}/`;
  const content = await fetched(`${folder}manifest.json`);
  const signature = parseJson(await fetched(`${folder}manifest.sig`), "manifest.sig") as Signature;
  const verified = await verify(content, signature, { base_keys: BASE_KEYS, root: null });
  const files: Release["files"] = {};
  for (const file of verified.manifest.files) {
    files[file.name] = await fetched(`${folder}${file.name}`);
    await checkFile(file, files[file.name]);
  }
  return { ...verified, files };
}

/** A file of the app. Throws Problem 503.2 when the phone neither has it nor can get it now. */
async function fetched(address: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) throw new Problem("503.2");
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * Puts a release in use, and keeps the one before it.
 *
 * In one transaction: a phone that loses power here has the old one or the new one, and the ratchet to go with it.
 */
export async function swap(next: Release, before: Release, seen: Seen, checked_at: Instant): Promise<void> {
  const transaction = (await shelf()).transaction(["releases", "notes", "parts"], "readwrite");
  const releases = transaction.objectStore("releases");
  const notes = transaction.objectStore("notes");
  await Promise.all([
    releases.put(before, "previous"),
    releases.put(next, "current"),
    notes.put(seen, "seen"),
    notes.put(checked_at, "checked_at"),
    notes.delete("refused"),
    transaction.objectStore("parts").clear(),
    transaction.done,
  ]);
}

/** The model of a release, ready to load. Throws Problem 422.20 when the sidecar is not this model's. */
export function modelOf({ manifest, files }: Release): Model {
  const { name } = fileOf(manifest, "sidecar");
  const sidecar = parseJson(files[name], name) as Sidecar & { model_sha256: string };
  if (sidecar.version !== manifest.version || sidecar.model_sha256 !== fileOf(manifest, "model").sha256) {
    throw new Problem("422.20", { name, detail: "it belongs to another model" });
  }
  return { tflite: files[fileOf(manifest, "model").name], sidecar };
}

/** For the screens: which model counts, which was before, and why a newer one was refused. */
export async function releaseState(now = new Date()): Promise<ReleaseState> {
  const { manifest, key_not_after } = await releaseInUse();
  const { region, version, seq, expires_at } = manifest;
  const previous = await (await shelf()).get("releases", "previous");
  return {
    current: { region, version, seq, expires_at, overdue: isOverdue({ manifest, key_not_after }, now) },
    previous: previous?.manifest.version ?? null,
    refused: (await note("refused")) ?? null,
    checked_at: (await note("checked_at")) ?? null,
  };
}
