/** The photo with a ring around everything that was counted: the trap's own insect in yellow, others in white. */

import { h } from "../elements";
import { tn } from "../i18n";
import type { Draft } from "../store/database";

type Marks = NonNullable<Draft["counted"]>["marks"];

/** A canvas that draws itself as soon as the photo is decoded; coordinates are shares of the upright photo. */
export function markedPhoto(photo: Blob, marks: Marks, pest: string): HTMLElement {
  const own = marks.filter(({ species }) => species === pest).length;
  const canvas = h("canvas", {
    class: "photo",
    role: "img",
    testid: "marked-photo",
    "data-marks": marks.length,
    "aria-label": tn("Photo with %(n)s mark", "Photo with %(n)s marks", own),
  });
  void draw(canvas, photo, marks, pest);
  return canvas;
}

async function draw(canvas: HTMLCanvasElement, photo: Blob, marks: Marks, pest: string): Promise<void> {
  const bitmap = await createImageBitmap(photo, { imageOrientation: "from-image" });
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const long = Math.max(canvas.width, canvas.height);
  const radius = long * 0.022;
  // Black under the colour: the ring shows on a white card and on a dark floor.
  for (const [colour, width] of [
    ["#000", long * 0.009],
    [null, long * 0.005],
  ] as const) {
    for (const { x, y, species } of marks) {
      context.beginPath();
      context.arc(x * canvas.width, y * canvas.height, radius, 0, 2 * Math.PI);
      context.strokeStyle = colour ?? (species === pest ? "#ffe100" : "#fff");
      context.lineWidth = width;
      context.stroke();
    }
  }
}
