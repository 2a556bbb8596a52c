/**
 * Keeps the app on the phone: after the first visit it starts, counts and saves without a network.
 *
 * Answers only for the app's own files, never for the API. A new version waits until the page says that
 * nothing is in the middle of being counted.
 */

import { chooseVariant } from "../../engine/variant.ts";
import { FLUSH_TAG, flush } from "../sync/flush";
import { openApp, remind } from "./remind";
import { type AppFile, cacheMode, filesOf, kindOf, lastingKey, shellName } from "./to-cache";

declare const self: ServiceWorkerGlobalScope;

/** Background Sync is no standard yet, so its event has no type. */
interface SyncEvent extends ExtendableEvent {
  readonly tag: string;
}

const FILES = __APP_FILES__;
const VARIANT = chooseVariant();
const SHELL = shellName(FILES);
const LASTING = "pestwatch-lasting";
const BY_PATH = new Map(FILES.map((file) => [file.path, file]));

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));

self.addEventListener("message", ({ data }) => {
  if (data?.type === "activate") void self.skipWaiting();
});

self.addEventListener("sync", (event) => {
  const { tag } = event as SyncEvent;
  if (tag === FLUSH_TAG) (event as SyncEvent).waitUntil(flushOrFail());
});

// Periodic Background Sync is no standard either: Chrome has it, for an installed app.
self.addEventListener("periodicsync" as "sync", (event) => {
  (event as SyncEvent).waitUntil(remind(self.registration, new Date()));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openApp(self.clients, self.registration.scope));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const file = request.method === "GET" ? fileFor(request) : undefined;
  if (file) event.respondWith(answer(file, event));
});

function addressOf(path: string): string {
  return new URL(path, self.registration.scope).href;
}

/** The app's file that a request means; undefined for whatever is not ours to answer. */
function fileFor(request: Request): AppFile | undefined {
  const address = request.url.split(/[?#]/)[0];
  if (!address.startsWith(self.registration.scope)) return undefined;
  if (request.mode === "navigate") return BY_PATH.get("index.html");
  return BY_PATH.get(address.slice(self.registration.scope.length));
}

/** Where a file is kept: the cache's name, and the address in it. */
function placeOf(file: AppFile): [name: string, key: string] {
  return kindOf(file.path, VARIANT) === "lasting"
    ? [LASTING, addressOf(lastingKey(file))]
    : [SHELL, addressOf(file.path)];
}

/** From the phone; what is not there comes over the network and is kept from then on. */
async function answer(file: AppFile, event: FetchEvent): Promise<Response> {
  const [name, key] = placeOf(file);
  const cache = await caches.open(name);
  const kept = await cache.match(key);
  if (kept) return kept;
  const response = await fetch(event.request);
  // A file of the shell fetched now may belong to a newer version: only whole versions are kept.
  if (response.ok && kindOf(file.path, VARIANT) !== "shell") event.waitUntil(cache.put(key, response.clone()));
  return response;
}

/** Fetches what is missing. Each big file is kept as soon as it is there, so that a cut connection costs only the rest. */
async function install(): Promise<void> {
  const lasting = await caches.open(LASTING);
  const shell = await caches.open(SHELL);
  for (const file of [...filesOf("shell", FILES, VARIANT), ...(await wantedBefore())]) {
    await fetchInto(shell, addressOf(file.path), file);
  }
  for (const file of filesOf("lasting", FILES, VARIANT)) {
    const key = addressOf(lastingKey(file));
    if (!(await lasting.match(key))) await fetchInto(lasting, key, file);
  }
}

async function fetchInto(cache: Cache, key: string, file: AppFile): Promise<void> {
  const response = await fetch(addressOf(file.path), { cache: cacheMode(file) });
  if (!response.ok) throw new Error(`${file.path}: ${response.status}`);
  await cache.put(key, response);
}

/** What somebody asked for in an earlier version, such as their language: it must work offline in this one too. */
async function wantedBefore(): Promise<AppFile[]> {
  const wanted = filesOf("wanted", FILES, VARIANT);
  const kept = await Promise.all(wanted.map((file) => caches.match(addressOf(file.path))));
  return wanted.filter((_, index) => kept[index]);
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith("pestwatch-shell-") && name !== SHELL);
  await Promise.all(old.map((name) => caches.delete(name)));
  const lasting = await caches.open(LASTING);
  const current = new Set(filesOf("lasting", FILES, VARIANT).map((file) => addressOf(lastingKey(file))));
  const stale = (await lasting.keys()).filter((request) => !current.has(request.url));
  await Promise.all(stale.map((request) => lasting.delete(request)));
  await self.clients.claim();
}

/** Background Sync tries again later when this fails. */
async function flushOrFail(): Promise<void> {
  const { state } = await flush();
  if (state === "failed") throw new Error("not everything could be sent");
}
