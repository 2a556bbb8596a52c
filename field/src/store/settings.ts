/** Single values that last: language, consent, enrolment, cursor. */

import { database, type Settings } from "./database";

export async function setting<K extends keyof Settings>(key: K): Promise<Settings[K] | undefined> {
  return (await (await database()).get("settings", key)) as Settings[K] | undefined;
}

export async function keep<K extends keyof Settings>(key: K, value: Settings[K]): Promise<void> {
  await (await database()).put("settings", value, key);
}

export async function forget(key: keyof Settings): Promise<void> {
  await (await database()).delete("settings", key);
}
