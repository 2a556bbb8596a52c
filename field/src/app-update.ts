/** Installs the service worker, and lets a new version of the app in when a person says so. */

import { locale, t } from "./i18n";
import { button, notice } from "./screens/frame";

let waiting: ServiceWorker | undefined;

/** Calls `onReady` whenever a new version has been fetched and waits. */
export async function installServiceWorker(onReady: () => void): Promise<void> {
  // In development Vite serves the sources, and a cache would only hide changes.
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  const had = navigator.serviceWorker.controller;
  let isReloading = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (!had) {
      // The first visit: the catalogue came before there was anyone to keep it.
      void fetch(`i18n/${locale()}.json`).catch(() => {});
    } else if (!isReloading) {
      isReloading = true;
      location.reload();
    }
  });
  const registration = await navigator.serviceWorker.register("service-worker.js").catch(() => undefined);
  // A private window may forbid it: the app works all the same, with the network.
  if (!registration) return;
  const look = (): void => {
    if (!registration.waiting || !navigator.serviceWorker.controller) return;
    waiting = registration.waiting;
    onReady();
  };
  look();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", look);
  });
}

/** A new version never comes by itself in the middle of a count: it asks, on the home screen. */
export function newVersionNotice(): HTMLElement | null {
  const next = waiting;
  if (!next) return null;
  const use = button("check", t("Use it now"), {
    testid: "use-new-version",
    onclick: () => next.postMessage({ type: "activate" }),
  });
  return notice("plain", "again", "new-version", t("A new version of the app is here."), use);
}
