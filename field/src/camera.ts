/**
 * Camera or gallery → a photo in the draft. Station 1 of 9.
 *
 * The draft (which trap, since when) is on the disk before the camera opens: a small phone may throw the page out
 * of memory meanwhile, and then the app still knows what it was doing. The phone's own camera app takes the photo:
 * full resolution, its own focus, no permission to ask for.
 * Next: station 2, `count/count.worker.ts`, counts it.
 */

import { h } from "./elements";
import { t } from "./i18n";
import { asProblem, Problem } from "./problem";
import { loadCounter } from "./release/arrival";
import { button } from "./screens/frame";
import { beginDraft, draftOf, dropDraft, keepDraft } from "./store/draft";

/** Long side of the copy that may be sent: enough to recount from, small enough for a slow network. */
const SENT_SIDE_PX = 1920;
const SENT_QUALITY = 0.85;

interface PhotoButton {
  from: "camera" | "gallery";
  trap: string;
  nights: number | null;
  look?: "main" | "plain";
  onPhoto: () => void;
  onProblem: (problem: Problem) => void;
}

/** A button that opens the camera or the gallery; the photo ends up in the draft. */
export function photoButton({ from, trap, nights, look = "plain", onPhoto, onProblem }: PhotoButton): HTMLElement {
  const input = h("input", {
    type: "file",
    accept: "image/*",
    // Without `capture` for the gallery: with it there is no way to an older photo.
    capture: from === "camera" ? "environment" : null,
    class: "unseen",
    tabindex: -1,
    "aria-hidden": "true",
    testid: `photo-${from}`,
    oncancel: async () => {
      const draft = await draftOf(trap);
      if (draft && !draft.photo) await dropDraft(trap);
    },
    onchange: async () => {
      const photo = input.files?.[0];
      input.value = "";
      if (!photo) return;
      try {
        await keepDraft({ ...(await beginDraft(trap, "photo", nights)), photo });
        onPhoto();
      } catch (error) {
        const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
        onProblem(isFull ? new Problem("507.1") : asProblem(error));
      }
    },
  });
  const open = button(from, from === "camera" ? t("Photo") : t("Gallery"), {
    testid: `open-${from}`,
    look,
    onclick: async () => {
      const draft = await draftOf(trap);
      // A photo that is to be taken again stays until the next one is there.
      if (!draft?.photo) await beginDraft(trap, "photo", nights);
      input.click();
      void loadCounter().then(
        ({ warmUp }) => warmUp(),
        () => {}, // said when the photo is there
      );
    },
  });
  return h("div", { class: "photo-button" }, open, input);
}

/**
 * A smaller JPEG of the same picture, upright, with nothing hidden in it: cameras write place and owner into theirs.
 *
 * Made only after counting; the count is always of the photo as the camera gave it.
 */
export async function smallCopy(photo: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(photo, { imageOrientation: "from-image" });
  const scale = Math.min(1, SENT_SIDE_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = h("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
  const context = canvas.getContext("2d", { alpha: false }) as CanvasRenderingContext2D;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const small = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", SENT_QUALITY));
  // Gives the memory back at once instead of at some later collection.
  canvas.width = canvas.height = 0;
  if (!small) throw new Error("the browser made no JPEG");
  return small;
}

export async function sha256Hex(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
