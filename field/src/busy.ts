/** Whether somebody counts or fills in a form, in any window: nothing that comes by itself may cut that short. */

/** Held, shared, by every window in which that is so; the browser gives it back when a window dies. */
const BUSY = "pestwatch-busy";

let leave: (() => void) | undefined;

/** Says whether it is so in this window. */
export function occupy(isBusy: boolean): void {
  if (isBusy === Boolean(leave) || !navigator.locks) return;
  leave?.();
  leave = undefined;
  if (!isBusy) return;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  void navigator.locks.request(BUSY, { mode: "shared" }, () => left);
}

/** Does something if nobody is busy anywhere; else returns false. Old browsers have no locks: there, nobody knows. */
export async function ifNobodyIsBusy(work: () => void): Promise<boolean> {
  const workIf = (free: Lock | null): boolean => {
    if (free) work();
    return free !== null;
  };
  return navigator.locks ? navigator.locks.request(BUSY, { ifAvailable: true }, workIf) : workIf({} as Lock);
}

/** Waits until nobody is busy. */
export async function untilNobodyIsBusy(): Promise<void> {
  await globalThis.navigator?.locks?.request(BUSY, () => {});
}
