/**
 * Keeps the app on the phone: after the first visit it starts, counts and saves without a network.
 *
 * Answers only for the app's own files (app-files.ts), never for the API. The first visit is complete with the shell; engine
 * and model follow. A new version takes over only when it is whole, with engine and model, and a person lets it in.
 */

import { announceChange } from "../store/changed";
import { forget, keep, setting } from "../store/settings";
import { FLUSH_TAG, flushWaiting } from "../sync/flush";
import { needsAsking } from "../sync/link";
import { instant } from "../sync/protocol";
import { answer, bringLasting, couldCount, dropOthers, fetchShell, fileFor, missingFiles, SHELL } from "./app-files";
import { openApp, remind } from "./remind";
import { BRING_TAG, sumOf } from "./to-cache";

declare const self: ServiceWorkerGlobalScope;

/** Background Sync is no standard yet, so its event has no type. */
type SyncEvent = ExtendableEvent & { readonly tag: string };

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));

self.addEventListener("message", (event) => {
  if (event.data?.type === "activate") void self.skipWaiting();
  // What went wrong is announced; the page asks again.
  if (event.data?.type === "bring") event.waitUntil(bringLasting(true).catch(() => {}));
});

self.addEventListener("sync", (plain) => {
  const event = plain as SyncEvent;
  if (event.tag === FLUSH_TAG) event.waitUntil(flushOrFail());
  if (event.tag === BRING_TAG) event.waitUntil(bringLasting(true));
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

/** Throws when something is missing: then the version before goes on, and the browser tries again later. */
async function install(): Promise<void> {
  const { shell, lasting } = await missingFiles();
  if (!self.registration.active) return fetchShell(shell);
  const needed = (await couldCount()) ? [...shell, ...lasting] : shell;
  const bytes = sumOf(needed, "sent");
  const asks = needsAsking(bytes) && (await setting("agreed_app")) !== SHELL;
  await keep("next_app", { name: SHELL, bytes, asks });
  announceChange();
  if (asks) throw new Error("a person has to agree to this download first");
  await fetchShell(shell);
  if (needed !== shell) await bringLasting(false);
}

async function activate(): Promise<void> {
  const next = await setting("next_app");
  if (next?.name === SHELL) await keep("loaded_app", { bytes: next.bytes, at: instant(new Date()) });
  await dropOthers();
  await forget("next_app");
  await self.clients.claim();
}

/** Background Sync tries again later when this fails. */
async function flushOrFail(): Promise<void> {
  const outcome = await flushWaiting();
  if (outcome?.state === "failed") throw new Error("not everything could be sent");
}
