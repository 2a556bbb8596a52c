/**
 * The app's files on this phone: the shell of one version, and beside it engine and model, which outlive versions.
 *
 * Promises: nothing is kept but what was built, to the last byte, whatever a server in trouble or a captive portal
 * answers; a download that breaks off goes on where it stopped.
 */

import { chooseVariant } from "../../engine/variant.ts";
import { Problem } from "../problem";
import { fetchRest } from "../release/fetch-rest";
import {
  type AppFile,
  ARRIVAL_CHANNEL,
  type Arrival,
  cacheMode,
  filesOf,
  isAsBuilt,
  kindOf,
  lastingKey,
  partKey,
  shellName,
  sumOf,
} from "./to-cache";

declare const self: ServiceWorkerGlobalScope;

const FILES = __APP_FILES__;
const VARIANT = chooseVariant();
const LASTING = "pestwatch-lasting";
const BY_PATH = new Map(FILES.map((file) => [file.path, file]));
/** How many files come at once: enough to hide the way to the server, few enough to leave room for a sync. */
const LANES = 3;
/** Headers that told of the journey, and not of the file. */
const OF_THE_JOURNEY = ["content-encoding", "content-length", "content-range", "date", "etag"];

export const SHELL = shellName(FILES);

function addressOf(path: string): string {
  return new URL(path, self.registration.scope).href;
}

/** The app's file that a request means; undefined for whatever is not ours to answer. */
export function fileFor(request: Request): AppFile | undefined {
  const address = request.url.split(/[?#]/)[0];
  if (!address.startsWith(self.registration.scope)) return undefined;
  if (request.mode === "navigate") return BY_PATH.get("index.html");
  return BY_PATH.get(address.slice(self.registration.scope.length));
}

/** From the phone; what is not there comes over the network, and is kept from then on. */
export async function answer(file: AppFile, event: FetchEvent): Promise<Response> {
  const kind = kindOf(file, VARIANT);
  const key = addressOf(kind === "lasting" ? lastingKey(file) : file.path);
  const cache = await caches.open(kind === "lasting" ? LASTING : SHELL);
  const kept = await cache.match(key);
  if (kept) return kept;
  if (kind === "lasting") {
    await bring(file);
    return (await cache.match(key)) ?? Response.error();
  }
  const response = await fetch(event.request);
  // A file of the shell fetched now may belong to a newer version: only whole versions are kept.
  if (kind === "wanted") event.waitUntil(keepIfAsBuilt(cache, file, response.clone()));
  return response;
}

async function keepIfAsBuilt(cache: Cache, file: AppFile, response: Response): Promise<boolean> {
  const copy = response.clone();
  if (!response.ok || !(await isAsBuilt(file, await copy.arrayBuffer()))) return false;
  await cache.put(addressOf(file.path), response);
  return true;
}

/** What this version needs and the phone lacks; what it has of an earlier version, or of an attempt, is taken over. */
export async function missingFiles(): Promise<{ shell: AppFile[]; lasting: AppFile[] }> {
  const cache = await caches.open(SHELL);
  const shell: AppFile[] = [];
  for (const file of filesOf("shell", FILES, VARIANT)) if (!(await takeOver(file, cache))) shell.push(file);
  // What somebody asked for in an earlier version, such as their language: it must work offline in this one too.
  for (const file of filesOf("wanted", FILES, VARIANT)) {
    const wasWanted = await caches.match(addressOf(file.path));
    if (wasWanted && !(await takeOver(file, cache))) shell.push(file);
  }
  const lasting = await caches.open(LASTING);
  const here = new Set((await lasting.keys()).map(({ url }) => url));
  return {
    shell,
    lasting: filesOf("lasting", FILES, VARIANT).filter((file) => !here.has(addressOf(lastingKey(file)))),
  };
}

async function takeOver(file: AppFile, cache: Cache): Promise<boolean> {
  const address = addressOf(file.path);
  if (await cache.match(address)) return true;
  const kept = await caches.match(address);
  return kept !== undefined && keepIfAsBuilt(cache, file, kept);
}

export async function fetchShell(files: readonly AppFile[]): Promise<void> {
  const cache = await caches.open(SHELL);
  await inLanes(files, async (file) => {
    // The browser's own cache may hold what a captive portal gave it.
    for (const mode of [cacheMode(file), "reload"] as const) {
      if (await keepIfAsBuilt(cache, file, await fetch(addressOf(file.path), { cache: mode }))) return;
    }
    throw new Error(`${file.path}: not what was built`);
  });
}

async function inLanes(files: readonly AppFile[], work: (file: AppFile) => Promise<void>): Promise<void> {
  const queue = files.values();
  const lane = async (): Promise<void> => {
    for (const file of queue) await work(file);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** Bytes of each lasting file that are here. */
const arrived = new Map<AppFile, number>();
const coming = new Map<AppFile, Promise<void>>();
let all: Promise<void> | undefined;
let isTelling = false;
let toldPercent = -1;

/**
 * Fetches engine and model, as far as they are not here; a call while that goes on joins it.
 *
 * @param tells whether pages are told how far it is; those of an earlier version have theirs already
 * @throws Problem 502.1 and the like: what came is kept, and the next call goes on from there
 */
export function bringLasting(tells: boolean): Promise<void> {
  isTelling = tells;
  all ??= bringAll().finally(() => {
    all = undefined;
  });
  return all;
}

async function bringAll(): Promise<void> {
  const files = filesOf("lasting", FILES, VARIANT);
  const { lasting: missing } = await missingFiles();
  for (const file of files) if (!missing.includes(file)) arrived.set(file, file.bytes);
  try {
    toldPercent = -1;
    if (missing.length > 0) announce("coming");
    await inLanes(missing, bring);
    announce("here");
  } catch (error) {
    announce("stopped");
    throw error;
  }
}

function announce(state: Arrival["state"]): void {
  const files = filesOf("lasting", FILES, VARIANT);
  const done = files.reduce((sum, file) => sum + (arrived.get(file) ?? 0), 0);
  const share = done / sumOf(files, "bytes");
  const percent = Math.floor(share * 100);
  if (!isTelling || (state === "coming" && percent === toldPercent)) return;
  toldPercent = percent;
  const channel = new BroadcastChannel(ARRIVAL_CHANNEL);
  channel.postMessage({ state, share } satisfies Arrival);
  channel.close();
}

/** One lasting file, once, whoever asks for it. */
export function bring(file: AppFile): Promise<void> {
  let promise = coming.get(file);
  if (!promise) {
    promise = bringNow(file).finally(() => coming.delete(file));
    coming.set(file, promise);
  }
  return promise;
}

async function bringNow(file: AppFile): Promise<void> {
  const cache = await caches.open(LASTING);
  const [key, keyOfPart] = [addressOf(lastingKey(file)), addressOf(partKey(file))];
  if (await cache.match(key)) return;
  const before = await cache.match(keyOfPart);
  const { content, headers } = await fetchRest(addressOf(file.path), {
    bytes: file.bytes,
    part: new Uint8Array((await before?.arrayBuffer()) ?? []),
    keepPart: (part) => cache.put(keyOfPart, new Response(part)),
    onProgress: (bytes) => {
      arrived.set(file, bytes);
      if (all) announce("coming");
    },
  });
  await cache.delete(keyOfPart);
  if (!(await isAsBuilt(file, content))) throw new Problem("422.21", { name: file.path });
  const kept = new Headers([...headers].filter(([name]) => !OF_THE_JOURNEY.includes(name)));
  await cache.put(key, new Response(content, { headers: kept }));
}

/** Whether an earlier version could count on this phone: then the next one must not take that away. */
export async function couldCount(): Promise<boolean> {
  const keys = await (await caches.open(LASTING)).keys();
  return keys.some(({ url }) => /\/small\.tflite\?h=\w+$/.test(url));
}

/** Drops what other versions have left. To be called when this one is complete and in charge. */
export async function dropOthers(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith("pestwatch-shell-") && name !== SHELL);
  await Promise.all(old.map((name) => caches.delete(name)));
  const lasting = await caches.open(LASTING);
  const ours = filesOf("lasting", FILES, VARIANT).flatMap((file) => [lastingKey(file), partKey(file)]);
  const current = new Set(ours.map(addressOf));
  const stale = (await lasting.keys()).filter(({ url }) => !current.has(url));
  await Promise.all(stale.map((request) => lasting.delete(request)));
}
