/** Room on the phone: how much there is, and the browser's word that it will not clear our data away. */

/**
 * Less than this is little: three photos as the largest cameras write them (48 megapixels, about 15 MB each) while they
 * are counted, or a season of the copies that wait to be sent.
 */
const LITTLE_BYTES = 50e6;

export interface Room {
  isPersistent: boolean;
  used: number;
  /** Null where the browser does not tell. It is what this app may take; the phone itself may have less. */
  free: number | null;
  isLittle: boolean;
}

export async function room(): Promise<Room> {
  const storage = globalThis.navigator?.storage;
  const isPersistent = (await storage?.persisted?.()) ?? false;
  const { usage = 0, quota = 0 } = (await storage?.estimate?.().catch(() => undefined)) ?? {};
  const free = quota > 0 ? Math.max(0, quota - usage) : null;
  return { isPersistent, used: usage, free, isLittle: free !== null && free < LITTLE_BYTES };
}

let isAsked = false;

/**
 * Asks the browser to keep what we store, once in a visit. To be called after a save: then there is something to lose, and where the
 * browser asks the person (Firefox) the question makes sense.
 */
export async function keepSafe(): Promise<void> {
  if (isAsked) return;
  isAsked = true;
  if (!(await navigator.storage?.persisted?.())) await navigator.storage?.persist?.();
}
