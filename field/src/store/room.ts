/** Room on the phone: how much there is, and the browser's word that it will not clear our data away. */

/**
 * Less than this is little: three photos as the largest cameras write them (48 megapixels, about 15 MB each) while they
 * are counted, or a season of the copies that wait to be sent.
 */
const LITTLE_BYTES = 50_000_000;
const PROBE = "room";

const estimate = async (): Promise<StorageEstimate | undefined> =>
  navigator.storage?.estimate?.().catch(() => undefined);

export interface Room {
  isPersistent: boolean;
  used: number;
}

export async function room(): Promise<Room> {
  const isPersistent = (await navigator.storage?.persisted?.()) ?? false;
  return { isPersistent, used: (await estimate())?.usage ?? 0 };
}

/**
 * Whether the phone would soon refuse to store more.
 *
 * What `estimate()` says is believed when it is little. When it is much it means nothing: Chrome from 138 on names 10 GB,
 * whatever the disk has left. So a file of that length is asked for and given back; nothing is written, but the browser
 * has to find room for it.
 */
export function isRoomLittle(): Promise<boolean> {
  looking ??= look().finally(() => {
    looking = undefined;
  });
  return looking;
}

/** Two screens that look at once would be in each other's way: each asks for all that room. */
let looking: Promise<boolean> | undefined;

async function look(): Promise<boolean> {
  const { usage = 0, quota = Number.POSITIVE_INFINITY } = (await estimate()) ?? {};
  if (quota - usage < LITTLE_BYTES) return true;
  try {
    const folder = await navigator.storage.getDirectory();
    const probe = await (await folder.getFileHandle(PROBE, { create: true })).createWritable();
    try {
      await probe.truncate(LITTLE_BYTES);
    } finally {
      await probe.abort();
    }
    await folder.removeEntry(PROBE);
    return false;
  } catch (error) {
    // Browsers without such files cannot tell: there, the first save that fails says so.
    return error instanceof DOMException && error.name === "QuotaExceededError";
  }
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
