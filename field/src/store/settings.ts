/** Single values that last: language, consent, enrolment, cursor. */

import { database, type Settings } from "./database";

export async function setting<K extends keyof Settings>(key: K): Promise<Settings[K] | undefined> {
  return (await (await database()).get("settings", key)) as Settings[K] | undefined;
}

export async function keep<K extends keyof Settings>(key: K, value: Settings[K]): Promise<void> {
  const tx = (await database()).transaction("settings", "readwrite");
  const written = tx.store.put(value, key);
  // Said at once rather than at the end of the task: a page that is closed in this moment would take the value with it.
  tx.commit();
  await Promise.all([written, tx.done]);
}

export async function forget(key: keyof Settings): Promise<void> {
  await (await database()).delete("settings", key);
}
