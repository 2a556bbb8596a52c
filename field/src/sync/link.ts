/**
 * What the phone's connection may cost, as far as a browser tells.
 *
 * Only Chrome on Android says whether it is Wi-Fi or mobile data; no browser says whether a Wi-Fi is somebody's hotspot,
 * and no browser knows the farmer's tariff.
 */

export type Link = "free" | "metered" | "unknown";

/** Network Information is no standard, so it has no types. */
export interface Connection {
  type?: string;
  saveData?: boolean;
}

/**
 * What may be fetched by itself where the browser does not tell what the link costs: about the app's whole first load. Who
 * paid that once to install it is not asked before paying as much for a new version; at 100 kbit/s it takes 25 seconds.
 */
const LARGE_BYTES = 300_000;

/** Asked anew each time: a phone walks out of the Wi-Fi. */
export const connection = (): Connection | undefined =>
  (globalThis as { navigator?: { connection?: Connection } }).navigator?.connection;

export function linkOf(found = connection()): Link {
  if (found?.saveData) return "metered";
  if (found?.type === "wifi" || found?.type === "ethernet") return "free";
  return found?.type === "cellular" ? "metered" : "unknown";
}

/** Whether a download waits for a person's word: each over mobile data, large ones where nobody knows; its size is shown anyway. */
export function needsAsking(bytes: number, found = connection()): boolean {
  const link = linkOf(found);
  return link !== "free" && bytes > (link === "metered" ? 0 : LARGE_BYTES);
}
