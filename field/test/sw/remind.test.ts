import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { keep } from "../../src/store/settings";
import { remind } from "../../src/sw/remind";

test("the service worker reminds from the day on that the page laid down, and once a day", async () => {
  const shown: string[] = [];
  const showNotification = async (title: string): Promise<void> => void shown.push(title);
  const registration = { showNotification } as unknown as ServiceWorkerRegistration;
  const at = (day: number, hour: number): Date => new Date(2026, 10, day, hour);
  expect(await remind(registration, at(25, 9))).toBe(false);
  await keep("reminder", { from_ms: at(26, 6).getTime(), title: "Your traps", body: "Trap 1: Count" });
  const reminded: boolean[] = [];
  for (const time of [at(25, 9), at(26, 5), at(26, 8), at(26, 20), at(27, 7)]) {
    reminded.push(await remind(registration, time));
  }
  expect(reminded).toEqual([false, false, true, false, true]);
  expect(shown).toEqual(["Your traps", "Your traps"]);
});
