/** Fingers on an element: taps, two taps, one that moves, two that move apart. Mouse and pen count as fingers. */

import type { Place } from "../photo/zoom";

/** Farther than this a finger has moved and not tapped, in CSS pixels: a glove is not steady. */
const TAP_PX = 12;
const DOUBLE_TAP_MS = 280;

interface Told {
  onTap(at: Place): void;
  onDoubleTap(at: Place): void;
  onMove(from: Place, to: Place): void;
  /** @param factor how much farther apart the fingers are than just now */
  onPinch(factor: number, middle: Place): void;
}

/** All places are shares of the element's sides. */
export function watchFingers(element: HTMLElement, told: Told): void {
  const fingers = new Map<number, Place>();
  /** Where the only finger came down, as long as it may still be a tap. */
  let start: Place | null = null;
  let waiting: { at: Place; timer: number } | null = null;

  const placeOf = ({ clientX, clientY }: PointerEvent): Place => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return { x: (clientX - left) / width, y: (clientY - top) / height };
  };
  const apart = (a: Place, b: Place): number =>
    Math.hypot((a.x - b.x) * element.clientWidth, (a.y - b.y) * element.clientHeight);
  const tap = (at: Place): void => {
    const first = waiting;
    waiting = null;
    if (first) {
      clearTimeout(first.timer);
      if (apart(first.at, at) <= 2 * TAP_PX) {
        told.onDoubleTap(at);
        return;
      }
      told.onTap(first.at);
    }
    const timer = window.setTimeout(() => {
      waiting = null;
      told.onTap(at);
    }, DOUBLE_TAP_MS);
    waiting = { at, timer };
  };

  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, placeOf(event));
    start = fingers.size === 1 ? placeOf(event) : null;
  });
  element.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = placeOf(event);
    if (start && apart(start, now) <= TAP_PX) return;
    start = null;
    fingers.set(event.pointerId, now);
    const [other] = [...fingers].filter(([id]) => id !== event.pointerId);
    if (!other) told.onMove(before, now);
    else {
      const [, still] = other;
      const middle = { x: (now.x + still.x) / 2, y: (now.y + still.y) / 2 };
      told.onPinch(apart(now, still) / Math.max(1, apart(before, still)), middle);
    }
  });
  const lift = (event: PointerEvent): void => {
    fingers.delete(event.pointerId);
    if (event.type === "pointerup" && start) tap(start);
    start = null;
  };
  element.addEventListener("pointerup", lift);
  element.addEventListener("pointercancel", lift);
}
