/** Installs the service worker, and lets a new version of the app in when a person says so. */

import { ifNobodyIsBusy } from "./busy";
import { h } from "./elements";
import { locale, t } from "./i18n";
import { followArrival } from "./release/arrival";
import { button, notice, say } from "./screens/frame";
import { forget, keep, setting } from "./store/settings";

const LOOK_AGAIN_MS = 60 * 60_000;

let registration: ServiceWorkerRegistration | undefined;

/** Calls `onReady` whenever a new version has been fetched and waits. */
export async function installServiceWorker(onReady: () => void): Promise<void> {
  // In development Vite serves the sources, and a cache would only hide changes.
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  let had = Boolean(navigator.serviceWorker.controller);
  let isReloading = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (!had) {
      had = true;
      // The first visit: the catalogue came before there was anyone to keep it.
      void fetch(`i18n/${locale()}.json`).catch(() => {});
    } else if (!isReloading) {
      isReloading = true;
      location.reload();
    }
  });
  // A private window may forbid it: the app works all the same, with the network.
  const registering = navigator.serviceWorker.register("service-worker.js").catch(() => undefined);
  followArrival(registering);
  const found = await registering;
  if (!found) return;
  registration = found;
  const look = (): void => {
    if (found.waiting && navigator.serviceWorker.controller) onReady();
  };
  look();
  found.addEventListener("updatefound", () => found.installing?.addEventListener("statechange", look));
  // A download that broke off goes on; a page that stays open for days hears of new versions.
  let looked_ms = Date.now();
  const lookForNext = (): void => {
    looked_ms = Date.now();
    found.update().catch(() => {});
  };
  window.addEventListener("online", lookForNext);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && Date.now() - looked_ms > LOOK_AGAIN_MS) lookForNext();
  });
}

/** A new version never comes by itself in the middle of a count: it asks, on the home screen, and says what it costs. */
export async function newVersionNotice(): Promise<HTMLElement | null> {
  const next = await setting("next_app");
  const waiting = registration?.waiting;
  // While it comes by itself there is nothing to press, but what it costs is said before it is paid.
  if (!next) return null;
  const words = t("A new version of the app is here: %(kilobytes)s kB.", {
    kilobytes: Math.ceil(next.bytes / 1000),
  });
  const use = waiting
    ? button("check", t("Use it now"), { testid: "use-new-version", onclick: () => letIn(waiting) })
    : button("again", t("Download it"), {
        testid: "download-new-version",
        onclick: async () => {
          use.setAttribute("disabled", "");
          await keep("agreed_app", next.name);
          const looked = await registration?.update().catch(() => undefined);
          // It was taken back meanwhile: there is nothing to download.
          if (looked && !looked.installing && !looked.waiting) await forget("next_app");
        },
      });
  return notice("plain", "again", "new-version", h("p", {}, words), (next.asks || waiting) && use);
}

/** All windows load the new version at once; where one is in the middle of something, none does. */
async function letIn(next: ServiceWorker): Promise<void> {
  const isLetIn = await ifNobodyIsBusy(() => next.postMessage({ type: "activate" }));
  if (!isLetIn) say(t("Finish the count in the other window first."));
}
