/** Everything that this phone has made, as one JSON file: it always works, also without an enrolment. */

import { instant } from "../sync/protocol";
import { factsWithDeliveries } from "./outbox";
import { setting } from "./settings";

/** The content of the file; the token stays out of it, because a file gets around. */
export async function everything(): Promise<object> {
  return {
    v: 1,
    exported_at: instant(new Date()),
    app: __APP_VERSION__,
    device: (await setting("enrolment"))?.device ?? null,
    consent: (await setting("consent")) ?? null,
    facts: (await factsWithDeliveries()).map(({ fact, delivery }) => ({ ...fact, delivery })),
  };
}

/** Hands the file to the browser's downloads. */
export async function exportEverything(): Promise<void> {
  const content = JSON.stringify(await everything(), null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  link.download = `pestwatch-${new Date().toISOString().slice(0, 10)}.json`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
