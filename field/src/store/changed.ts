/** Tells every open page that the stored facts or their deliveries have changed. */

const CHANNEL = "pestwatch-changed";

export function announceChange(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(null);
  channel.close();
}

/** Calls `listener` after each change, from whichever page or worker; returns how to stop. */
export function onChange(listener: () => void): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = listener;
  return () => channel.close();
}
