/** What the service worker says when the browser wakes it: once a day, that traps are due. The page wrote the words. */

import { keep, setting } from "../store/settings";

/** Once a day, whatever hour the browser chooses. */
const QUIET_MS = 20 * 3_600_000;

/** Shows the reminder if its day has come and the last one is long ago; says whether it did. */
export async function remind(registration: ServiceWorkerRegistration, now: Date): Promise<boolean> {
  const reminder = await setting("reminder");
  const since = now.getTime() - ((await setting("reminded_ms")) ?? 0);
  if (!reminder || now.getTime() < reminder.from_ms || since < QUIET_MS) return false;
  // Noted first: what the phone will not show is not tried again and again.
  await keep("reminded_ms", now.getTime());
  await registration.showNotification(reminder.title, { body: reminder.body, tag: "due", icon: "icons/icon-192.png" });
  return true;
}

/** What is asked of the worker's `clients`. */
interface Windows {
  matchAll(options: { type: "window" }): Promise<readonly { focus(): Promise<unknown> }[]>;
  openWindow(address: string): Promise<unknown>;
}

/** Opens the app, or brings it to the front. */
export async function openApp(clients: Windows, scope: string): Promise<void> {
  const [open] = await clients.matchAll({ type: "window" });
  await (open ? open.focus() : clients.openWindow(scope));
}
