/**
 * A word from the service worker that traps are due, where the browser wakes it: Chrome does so for an installed app, about
 * once a day, on a network that it knows; nobody can promise it, and the calendar file does not need it.
 */

import { t } from "../i18n";
import { forget, keep } from "../store/settings";
import { byUrgency, dueName } from "./due";
import { type MyTrap, myTraps } from "./my-traps";
import { noonOf } from "./trap";

/** Tag of the Periodic Background Sync registration. */
export const REMIND_TAG = "remind";
const SIX_HOURS_MS = 6 * 3_600_000;

interface PeriodicSync {
  register(tag: string, options: { minInterval: number }): Promise<void>;
}

const periodicSync = async (): Promise<PeriodicSync | undefined> => {
  const registration = await navigator.serviceWorker?.getRegistration();
  return (registration as { periodicSync?: PeriodicSync } | undefined)?.periodicSync;
};

/** Whether the browser could remind at all, were it allowed to; `asked` is what the person has said. */
export async function notifications(): Promise<"impossible" | "off" | "on"> {
  if (!("Notification" in window) || Notification.permission === "denied" || !(await periodicSync())) {
    return "impossible";
  }
  return Notification.permission === "granted" ? "on" : "off";
}

/** Asks, on a person's touch only; false when the person or the browser does not want it. */
export async function allowNotifications(): Promise<boolean> {
  if ((await Notification.requestPermission()) !== "granted") return false;
  await noteReminder(await myTraps());
  return askToBeWoken();
}

async function askToBeWoken(): Promise<boolean> {
  try {
    const sync = await periodicSync();
    await sync?.register(REMIND_TAG, { minInterval: 2 * SIX_HOURS_MS });
    return sync !== undefined;
  } catch {
    // Chrome refuses for an app that is not installed, and is asked again once it may be.
    return false;
  }
}

/** Lays down for the service worker what it may say, and from when; in the language that is spoken now. */
export async function noteReminder(traps: MyTrap[]): Promise<void> {
  const dues = byUrgency(traps, new Date()).flatMap(({ trap, dues }) => dues.map((due) => ({ trap, due })));
  const first = dues.reduce<(typeof dues)[number] | undefined>(
    (soonest, one) => (!soonest || one.due.on < soonest.due.on ? one : soonest),
    undefined,
  );
  if (!first) return forget("reminder");
  const due = dues.filter(({ due }) => due.on === first.due.on);
  const body = due.map(({ trap, due }) => `${trap.name}: ${dueName(due)}`).join("\n");
  // Six in the morning: nobody is woken.
  const from_ms = noonOf(first.due.on).getTime() - SIX_HOURS_MS;
  await keep("reminder", { from_ms, title: String(t("Your traps")), body });
  if ("Notification" in window && Notification.permission === "granted") await askToBeWoken();
}
