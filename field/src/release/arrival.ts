/**
 * Whether engine and model have come onto this phone, and how far they are: the service worker fetches them behind the
 * app's shell (sw/app-files.ts), and this asks it to, as long as something is missing.
 */

import { Problem } from "../problem";
import { ARRIVAL_CHANNEL, type Arrival, BRING_TAG } from "../sw/to-cache";
import { wakeFor } from "../sync/flush";

/** Doubled each time, up to an hour: where the phone is full, each try costs the beginning of a file. */
const ASK_AGAIN_MS = 30_000;
const LONGEST_WAIT_MS = 60 * 60_000;
/** A service worker answers in milliseconds; one that does not must not keep anybody from counting. */
const PATIENCE_MS = 3000;
const HERE: Arrival = { state: "here", share: 1 };

/** Null until the service worker has spoken. Where there is none, everything comes over the network each time. */
let now: Arrival | null = HERE;
const listeners = new Set<() => void>();

export const arrival = (): Arrival | null => now;

/** Calls `listener` at each step; returns how to stop. */
export function onArrival(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function set(next: Arrival): void {
  if (next.state === "stopped") void wakeFor(BRING_TAG);
  now = next;
  for (const listener of listeners) listener();
}

/** Follows the service worker, and sees to it that it goes on. To be called once. */
export function followArrival(registering: Promise<ServiceWorkerRegistration | undefined>): void {
  now = null;
  const channel = new BroadcastChannel(ARRIVAL_CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<Arrival>) => set(data);
  const ask = async (): Promise<void> => {
    if (now?.state === "here") return;
    if (!(await registering)) set(HERE);
    else (await navigator.serviceWorker.ready).active?.postMessage({ type: "bring" });
  };
  void ask();
  window.addEventListener("online", () => void ask());
  document.addEventListener("visibilitychange", () => void ask());
  const askIn = (wait_ms: number): void => {
    window.setTimeout(() => {
      void ask();
      askIn(Math.min(2 * wait_ms, LONGEST_WAIT_MS));
    }, wait_ms);
  };
  askIn(ASK_AGAIN_MS);
}

/** Whether a photo can be counted now. */
export async function isCounterHere(): Promise<boolean> {
  if (!now) await firstWord();
  // Silent but in charge: it answers the request itself.
  return now ? now.state === "here" : navigator.serviceWorker.controller !== null;
}

/** The script that counts; it comes with engine and model. Throws Problem 503.2 as long as they are not here. */
export async function loadCounter(): Promise<typeof import("../count/counter")> {
  if (!(await isCounterHere())) throw new Problem("503.2");
  return import("../count/counter").catch(() => {
    throw new Problem("503.2");
  });
}

function firstWord(): Promise<void> {
  return new Promise((resolve) => {
    const stop = onArrival(() => done());
    const timer = setTimeout(() => done(), PATIENCE_MS);
    const done = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
  });
}
