/**
 * The photo with a ring around everything that was counted: the trap's own insect in yellow, others in white.
 *
 * Two fingers, two taps or the buttons bring it nearer; one finger moves it then. A tap is given to whoever edits the marks;
 * so is Enter under the cross that arrow keys move (photo-keys.ts).
 */

import { h } from "../elements";
import { t, tn } from "../i18n";
import { type IconName, icon } from "../icons";
import { moved, type Place, photoPlace, type View, WHOLE, zoomed } from "../photo/zoom";
import type { Mark } from "../sync/protocol";
import { watchFingers } from "./fingers";

/** How near a mark a tap means it, in CSS pixels: about half a fingertip. */
const REACH_PX = 18;
const ZOOM_STEP = 1.7;
const TAP_ZOOM = 2.5;
const MIDDLE: Place = { x: 0.5, y: 0.5 };
/** More pixels than this for each CSS pixel cost a weak phone time, and nobody sees them. */
const MOST_DENSITY = 2;

export interface MarkedPhoto {
  photo: HTMLElement;
  /** Nearer and farther, for those who have no two fingers to spare. */
  tools: HTMLElement[];
  showMarks(marks: readonly Mark[]): void;
  /** Gives the picture's memory back. */
  leave(): void;
}

/** @param onTap told where the photo was tapped, and how far around that a finger may have meant */
export function markedPhoto(photo: Blob, pest: string, onTap: (at: Place, reach: Place) => void): MarkedPhoto {
  const canvas = h("canvas", {
    class: "photo marked",
    role: "application",
    tabindex: 0,
    testid: "marked-photo",
  });
  let marks: readonly Mark[] = [];
  let view: View = WHOLE;
  let bitmap: ImageBitmap | undefined;
  let isLeft = false;

  let drawOver: ((context: CanvasRenderingContext2D) => void) | undefined;
  const draw = (): void => {
    if (bitmap) drawOver?.(drawView(canvas, bitmap, view, marks, pest));
  };
  const look = (next: View): void => {
    view = next;
    // At its whole size a finger scrolls the screen, as everywhere else.
    canvas.style.touchAction = view.zoom > 1 ? "none" : "pan-y";
    canvas.dataset.zoom = view.zoom.toFixed(2);
    draw();
  };
  const tap = (at: Place): void => onTap(photoPlace(view, at), reachOf(canvas, view));
  watchFingers(canvas, {
    onTap: tap,
    onDoubleTap: (at) => look(view.zoom > 1 ? WHOLE : zoomed(view, TAP_ZOOM, at)),
    onMove: (from, to) => look(moved(view, from, to)),
    onPinch: (factor, at) => look(zoomed(view, factor, at)),
  });
  canvas.addEventListener(
    "focus",
    async () => {
      const hands = { canvas, view: () => view, look, tap, drawOver: (over: typeof drawOver) => (drawOver = over) };
      (await import("./photo-keys")).steer(hands);
    },
    { once: true },
  );
  const resized = new ResizeObserver(draw);

  void createImageBitmap(photo, { imageOrientation: "from-image" }).then((decoded) => {
    if (isLeft) return decoded.close();
    bitmap = decoded;
    const shape = decoded.width / decoded.height;
    canvas.style.aspectRatio = String(shape);
    canvas.style.width = `min(100%, ${38 * shape}vh)`;
    look(WHOLE);
    resized.observe(canvas);
  });
  return {
    photo: canvas,
    tools: [
      tool("zoom-out", t("Zoom out"), () => look(zoomed(view, 1 / ZOOM_STEP, MIDDLE))),
      tool("zoom-in", t("Zoom in"), () => look(zoomed(view, ZOOM_STEP, MIDDLE))),
    ],
    showMarks: (next) => {
      marks = next;
      const own = marks.filter(({ species }) => species === pest).length;
      canvas.dataset.marks = String(marks.length);
      canvas.setAttribute("aria-label", tn("Photo with %(n)s mark", "Photo with %(n)s marks", own).text);
      draw();
    },
    leave: () => {
      isLeft = true;
      resized.disconnect();
      bitmap?.close();
      bitmap = undefined;
    },
  };
}

/** A small square button with a picture alone, its words for those who cannot see it. */
export function tool(picture: IconName, words: ReturnType<typeof t>, onclick: () => void): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "button tool", testid: picture, "aria-label": words, onclick },
    icon(picture),
  );
}

function reachOf({ clientWidth, clientHeight }: HTMLCanvasElement, { zoom }: View): Place {
  return { x: REACH_PX / clientWidth / zoom, y: REACH_PX / clientHeight / zoom };
}

function drawView(
  canvas: HTMLCanvasElement,
  bitmap: ImageBitmap,
  { zoom, left, top }: View,
  marks: readonly Mark[],
  pest: string,
): CanvasRenderingContext2D {
  const density = Math.min(MOST_DENSITY, window.devicePixelRatio || 1);
  const width = Math.round(canvas.clientWidth * density);
  const height = Math.round(canvas.clientHeight * density);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { alpha: false }) as CanvasRenderingContext2D;
  const { width: w, height: h } = bitmap;
  context.drawImage(bitmap, left * w, top * h, w / zoom, h / zoom, 0, 0, width, height);
  const long = Math.max(width, height);
  // A ring grows more slowly than the moth in it, so that near ones do not hide one another.
  const radius = long * 0.022 * Math.sqrt(zoom);
  // Black under the colour: the ring shows on a white card and on a dark floor.
  for (const [colour, line] of [
    ["#000", 0.009],
    [null, 0.005],
  ] as const) {
    context.lineWidth = long * line;
    for (const { x, y, species } of marks) {
      context.beginPath();
      context.arc((x - left) * zoom * width, (y - top) * zoom * height, radius, 0, 2 * Math.PI);
      context.strokeStyle = colour ?? (species === pest ? "#ffe100" : "#fff");
      context.stroke();
    }
  }
  return context;
}
