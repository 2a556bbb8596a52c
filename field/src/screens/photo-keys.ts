/**
 * A marked photo by keyboard: arrows move a cross over it, Enter adds or takes away a mark under it, + and - bring it nearer.
 * Loaded when the photo first gets the focus of a key.
 */

import { t } from "../i18n";
import { moved, type Place, type View, zoomed } from "../photo/zoom";

/** What of the marked photo keys need. */
export interface Hands {
  canvas: HTMLCanvasElement;
  view(): View;
  look(next: View): void;
  tap(at: Place): void;
  /** Draws this over the photo whenever that is drawn. */
  drawOver(draw: (context: CanvasRenderingContext2D) => void): void;
}

/** Shares of the frame: about a third of a moth at the whole photo, and a stride with Shift. */
const STEP = 0.02;
const STRIDE = 0.1;
const ZOOM_STEP = 1.7;
const WAYS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Gives the photo a cross that keys move. */
export function steer({ canvas, view, look, tap, drawOver }: Hands): void {
  let at: Place = { x: 0.5, y: 0.5 };
  const place = (next: Place): void => {
    at = { x: within(next.x), y: within(next.y) };
    // Beyond the edge of a photo that is near, the photo moves instead.
    look(moved(view(), next, at));
    canvas.dataset.cursor = `${at.x.toFixed(2)} ${at.y.toFixed(2)}`;
  };
  drawOver((context) => {
    if (canvas.matches(":focus-visible")) drawCross(context, at);
  });
  canvas.setAttribute("aria-description", t("Arrow keys move the cross. Enter adds or removes an insect.").text);
  canvas.addEventListener("blur", () => look(view()));
  canvas.addEventListener("focus", () => look(view()));
  canvas.addEventListener("keydown", (event) => {
    const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
    if (altKey || ctrlKey || metaKey) return;
    const [x, y] = WAYS[key] ?? [0, 0];
    const step = shiftKey ? STRIDE : STEP;
    if (x || y) place({ x: at.x + x * step, y: at.y + y * step });
    else if (key === "Enter" || key === " ") tap(at);
    else if (key === "+" || key === "=") look(zoomed(view(), ZOOM_STEP, at));
    else if (key === "-") look(zoomed(view(), 1 / ZOOM_STEP, at));
    else return;
    event.preventDefault();
  });
  place(at);
}

const within = (share: number): number => Math.min(1, Math.max(0, share));

/** Black around white: it shows on a white card and on a dark floor. */
function drawCross(context: CanvasRenderingContext2D, at: Place): void {
  const { width, height } = context.canvas;
  const [x, y, arm] = [at.x * width, at.y * height, Math.max(width, height) * 0.06];
  for (const [colour, share] of [
    ["#000", 0.014],
    ["#fff", 0.006],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = Math.max(width, height) * share;
    context.beginPath();
    for (const [dx, dy] of Object.values(WAYS)) {
      context.moveTo(x + dx * arm * 0.3, y + dy * arm * 0.3);
      context.lineTo(x + dx * arm, y + dy * arm);
    }
    context.stroke();
  }
}
