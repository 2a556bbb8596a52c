/**
 * Camera or gallery → a photo in the draft. Station 1 of 9.
 *
 * Where the browser takes whole photos the app shows its own camera (screens/guided-camera.ts): the page stays alive, and a
 * farmer is told what to change before the picture is taken. Elsewhere, and wherever that camera does not open, the
 * phone's own camera app takes the photo: full resolution, its own focus, no permission to ask for (ADR 0013).
 *
 * The draft (which trap, since when) is on the disk before the camera app opens: a small phone may throw the page out
 * of memory meanwhile, and then the app still knows what it was doing.
 * Next: station 2, `count/count.worker.ts`, counts it.
 */

import { h } from "./elements";
import { t } from "./i18n";
import { asProblem, type Problem } from "./problem";
import { loadCounter } from "./release/arrival";
import { button, go } from "./screens/frame";
import { beginDraft, draftOf, dropDraft } from "./store/draft";

interface PhotoButton {
  /** `camera` is the app's own where it works, `app` always the phone's. */
  from: "camera" | "app" | "gallery";
  trap: string;
  nights: number | null;
  look?: "main" | "plain";
  onPhoto: () => void;
  onProblem: (problem: Problem) => void;
}

/** Whether the app's own camera failed in this session; then the phone's camera app is opened without a detour. */
let hasFailed = false;

export const noteFailedCamera = (): void => {
  hasFailed = true;
};

/** A button that opens the camera or the gallery; the photo ends up in the draft. */
export function photoButton({ from, trap, nights, look = "plain", onPhoto, onProblem }: PhotoButton): HTMLElement {
  const input = h("input", {
    type: "file",
    accept: "image/*",
    // Without `capture` for the gallery: with it there is no way to an older photo.
    capture: from === "gallery" ? null : "environment",
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
      if (photo) await beginDraft(trap, "photo", nights, photo).then(onPhoto, (error) => onProblem(asProblem(error)));
    },
  });
  const words = { camera: t("Photo"), app: t("Camera app"), gallery: t("Gallery") };
  const open = button(from === "app" ? "phone" : from, words[from], {
    testid: `open-${from}`,
    look,
    onclick: async () => {
      void loadCounter().then(
        ({ warmUp }) => warmUp(),
        () => {}, // said when the photo is there
      );
      if (from === "camera" && (await canGuide())) {
        go(`#/camera/${trap}`);
        return;
      }
      const draft = await draftOf(trap);
      // A photo that is to be taken again stays until the next one is there.
      if (!draft?.photo) await beginDraft(trap, "photo", nights);
      input.click();
    },
  });
  return h("div", { class: "photo-button" }, open, input);
}

/** Without whole photos the app's own camera would give video, whose frames are too small for a whole liner. */
async function canGuide(): Promise<boolean> {
  if (hasFailed || !("ImageCapture" in window) || !navigator.mediaDevices) return false;
  try {
    return (await navigator.permissions.query({ name: "camera" as PermissionName })).state !== "denied";
  } catch {
    return true;
  }
}

export async function sha256Hex(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
