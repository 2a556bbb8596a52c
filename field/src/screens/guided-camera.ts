/**
 * The app's own camera: a frame in the shape of the trap, a word on what to change, and a large shutter.
 *
 * Loaded when it is first opened. A few times a second the gate of the counter looks at a small copy of what the camera
 * sees, in the worker; the picture itself is a whole photo of the camera, and not a frame of the video. Why this is what
 * the photo button does, and when it is not: ADR 0013. Once the gate has been content for a second the photo is taken by
 * itself: ADR 0024.
 */

import { noteFailedCamera, photoButton } from "../camera";
import { counter } from "../count/counter";
import type { Frame, Model } from "../count/messages";
import { fillWith, h } from "../elements";
import { type Message, t } from "../i18n";
import { drawn, type IconName, icon } from "../icons";
import { readSize } from "../photo/header";
import { asProblem, type Problem } from "../problem";
import { modelInUse } from "../release/shelf";
import { beginDraft, draftOf } from "../store/draft";
import { keep, setting } from "../store/settings";
import type { Gate, TrapType } from "../sync/protocol";
import { type MyTrap, myTrap } from "../trap/my-traps";
import { nightsSince } from "../trap/trap";
import { goInstead, notice, type Screen, say } from "./frame";

/** Between two looks; each takes a weak phone a few hundredths of a second, in the worker. */
const LOOK_MS = 400;
/** What the gate sees a photo at. */
const SEEN_PX = 160;
/** So many in a row must find nothing to change, before the photo is taken by itself. */
const HELD_LOOKS = 4;
/** How long the phone trembles to say that the photo is taken: a glove feels it, and the sun does not hide it. */
const TREMBLE_MS = 80;
/** A long side below this is too small to count a whole liner on: then the phone's camera app is the better one. */
const ENOUGH_PX = 1200;
/** Some phones never answer when a photo is asked for. */
const PATIENCE_MS = 6000;

/**
 * What of a trap the camera looks at: into a funnel, a bowl or a lamp's bag from above, onto a folded liner, a card, or what was
 * poured out of a sleeve.
 */
const SEEN_FROM: Record<TrapType, "above" | "liner" | "card"> = {
  delta: "liner",
  funnel: "above",
  sleeve: "card",
  water: "above",
  sticky: "card",
  light: "above",
};
/** Between the frame and the edge of the picture, in hundredths of its long side: fill it, and nothing is cut off. */
const MARGIN = 5;

interface Hint {
  icon: IconName;
  words: () => Message;
}

const GOOD: Hint = { icon: "check", words: () => t("Take the photo") };
/** The same where the photo is taken by itself. */
const HOLD: Hint = { icon: "check", words: () => t("Hold still") };
const FILL: Hint = { icon: "far", words: () => t("Fill the frame") };
const HINTS: Record<NonNullable<Gate["reason"]>, Hint> = {
  not_a_trap: FILL,
  too_far: FILL,
  cut_off: FILL,
  too_dark: { icon: "dark", words: () => t("More light") },
  too_bright: { icon: "sun", words: () => t("Make a shadow") },
  too_blurred: { icon: "blur", words: () => t("Hold still") },
  // The photo is as good as it can be; what to do about the trap is said with its count.
  saturated: GOOD,
};

export async function guidedCameraScreen(id: string): Promise<Screen | null> {
  const [trap, draft, isByHand] = await Promise.all([myTrap(id), draftOf(id), setting("shutter_by_hand")]);
  if (!trap) return null;
  const nights = draft?.photo ? draft.nights : nightsSince(trap.emptied_at, new Date());
  const body = h("div", { class: "stack" });
  let isLeft = false;
  const onPhoto = (): void => goInstead(`#/count/${id}`);
  const onProblem = (problem: Problem): void => say(t(problem.message, problem.params));
  const others = (look?: "main"): HTMLElement[] => [
    photoButton({ from: "app", trap: id, nights, ...(look && { look }), onPhoto, onProblem }),
    photoButton({ from: "gallery", trap: id, nights, onPhoto, onProblem }),
  ];
  const giveUp = (why: "refused" | "failed"): void => {
    if (isLeft) return;
    noteFailedCamera();
    camera.close();
    const words =
      why === "refused"
        ? t("The camera is closed to this app. Take the photo with the camera app.")
        : t("The camera does not work here. Take the photo with the camera app.");
    body.replaceChildren(
      notice("doubt", "camera", `camera-${why}`, h("p", {}, words)),
      h("div", { class: "ways" }, others("main")),
    );
  };

  const onShot = async (photo: Blob): Promise<void> => {
    const isLarge = await isEnough(photo);
    if (isLeft) return;
    if (!isLarge) giveUp("failed");
    else await beginDraft(id, "photo", nights, photo).then(onPhoto, (error) => onProblem(asProblem(error)));
  };

  const onFailure = (): void => {
    // It was closed in the middle of a photo, for an app in front, and opens again.
    if (document.visibilityState === "visible") giveUp("failed");
  };

  const camera = makeCamera();
  // Whoever takes a photo again has seen something that the gate had not.
  const isAutomatic = !isByHand && !draft?.photo;
  const open = async (): Promise<void> => {
    try {
      await camera.open();
      if (isLeft) camera.close();
      else if (!camera.video.isConnected) {
        body.replaceChildren(viewfinder(camera, trap, others(), isAutomatic, onShot, onFailure));
      }
    } catch (error) {
      giveUp(error instanceof DOMException && error.name === "NotAllowedError" ? "refused" : "failed");
    }
  };
  // Another app in front needs the camera; whoever comes back finds it open, and the buttons that opened that app in place.
  const onVisibility = (): void => {
    if (document.visibilityState === "hidden") camera.close();
    else if (camera.video.isConnected) void open();
  };
  document.addEventListener("visibilitychange", onVisibility);
  void open();
  return {
    testid: "camera",
    title: trap.name,
    back: "#/",
    leave: () => {
      isLeft = true;
      document.removeEventListener("visibilitychange", onVisibility);
      camera.close();
    },
    body,
  };
}

interface Camera {
  video: HTMLVideoElement;
  /** @throws DOMException NotAllowedError when it is refused, others when there is none or it is taken */
  open(): Promise<void>;
  /** A whole photo of the camera, else a frame of the video. */
  take(): Promise<Blob>;
  isOpen(): boolean;
  close(): void;
}

function makeCamera(): Camera {
  const video = h("video", { playsinline: true, testid: "viewfinder", "aria-hidden": "true" });
  video.muted = true;
  let track: MediaStreamTrack | undefined;
  const close = (): void => {
    track?.stop();
    video.srcObject = null;
  };
  return {
    video,
    open: async () => {
      close();
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1440 } },
      });
      track = stream.getVideoTracks()[0];
      video.srcObject = stream;
      await video.play();
    },
    take: async () => (track ? wholePhoto(track).catch(() => videoFrame(video)) : videoFrame(video)),
    isOpen: () => track?.readyState === "live",
    close,
  };
}

async function wholePhoto(track: MediaStreamTrack): Promise<Blob> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error("the camera did not answer")), PATIENCE_MS);
  });
  return Promise.race([new ImageCapture(track).takePhoto(), late]);
}

async function videoFrame(video: HTMLVideoElement): Promise<Blob> {
  const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d", { alpha: false })?.drawImage(video, 0, 0);
  const photo = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.92));
  canvas.width = canvas.height = 0;
  if (!photo) throw new Error("the browser made no JPEG");
  return photo;
}

async function isEnough(photo: Blob): Promise<boolean> {
  const size = await readSize(photo);
  return size !== null && Math.max(size.width, size.height) >= ENOUGH_PX;
}

function viewfinder(
  camera: Camera,
  { trap_type }: MyTrap,
  others: HTMLElement[],
  isAutomatic: boolean,
  onPhoto: (photo: Blob) => Promise<void>,
  onFailure: () => void,
): HTMLElement {
  const { video } = camera;
  const finder = h("div", { class: "viewfinder" }, video, trapFrame(trap_type, video.videoWidth / video.videoHeight));
  finder.style.width = `min(100%, ${(56 * video.videoWidth) / video.videoHeight}vh)`;
  const hint = h("p", { class: "hint", testid: "hint", role: "status" }, icon("camera"));
  const take = async (): Promise<void> => {
    if (shutter.disabled) return;
    shutter.disabled = true;
    await camera.take().then((photo) => {
      navigator.vibrate?.(TREMBLE_MS);
      return onPhoto(photo);
    }, onFailure);
    shutter.disabled = false;
  };
  const shutter = h(
    "button",
    { type: "button", class: "button shutter", testid: "shutter", "aria-label": t("Take the photo"), onclick: take },
    icon("camera"),
  );
  const [app, gallery] = others;
  const root = h("div", { class: "camera" });
  const automatic = makeAutomatic(isAutomatic, root, () => void take());
  root.append(
    h("div", { class: "hint-row" }, hint, automatic.toggle),
    finder,
    // Whoever touches one of these has decided; nothing is taken beside it.
    h("div", { class: "shutter-row", onclick: () => automatic.set(false) }, app, shutter, gallery),
  );
  void watch(camera, root, hint, automatic);
  return root;
}

interface Automatic {
  toggle: HTMLElement;
  isOn(): boolean;
  set(isOn: boolean): void;
  /** After each look, with whether there was nothing to change. */
  noteLook(isGood: boolean): void;
}

/** Takes the photo when the trap has been held well for some looks; the frame fills up until then. */
function makeAutomatic(isOn: boolean, root: HTMLElement, take: () => void): Automatic {
  let held = 0;
  const set = (on: boolean): void => {
    isOn = on;
    toggle.setAttribute("aria-pressed", String(on));
    root.classList.toggle("by-itself", on);
  };
  const toggle = h(
    "button",
    {
      type: "button",
      class: "button tool",
      testid: "automatic",
      "aria-label": t("The phone takes the photo by itself."),
      onclick: async () => {
        set(!isOn);
        await keep("shutter_by_hand", !isOn);
        say(isOn ? t("The phone takes the photo by itself.") : t("You take the photo yourself."));
      },
    },
    icon("clock"),
  );
  set(isOn);
  return {
    toggle,
    isOn: () => isOn,
    set,
    noteLook: (isGood) => {
      held = isOn && isGood ? held + 1 : 0;
      root.style.setProperty("--held", String(Math.min(1, held / HELD_LOOKS)));
      if (held < HELD_LOOKS) return;
      // Once: what comes of it is looked at before there is another.
      set(false);
      take();
    },
  };
}

/** The frame that the trap is to fill, in a picture of that shape; what lies outside is darker. */
function trapFrame(type: TrapType, ratio: number): SVGSVGElement {
  const [w, h] = ratio < 1 ? [100 * ratio, 100] : [100, 100 / ratio];
  const [x, y] = [w / 2, h / 2];
  const seen = SEEN_FROM[type];
  const r = Math.min(x, y) - MARGIN;
  const edge =
    seen === "above"
      ? `M${x} ${y - r}a${r} ${r} 0 1 1 0 ${2 * r} ${r} ${r} 0 1 1 0-${2 * r}z`
      : `M${MARGIN} ${MARGIN}H${w - MARGIN}V${h - MARGIN}H${MARGIN}z`;
  const fold = ratio < 1 ? `M${MARGIN} ${y}H${w - MARGIN}` : `M${x} ${MARGIN}V${h - MARGIN}`;
  return drawn(
    `0 0 ${w} ${h}`,
    `<path d="M0 0H${w}V${h}H0z${edge}" fill="rgb(0 0 0/.45)" fill-rule="evenodd"/><path class="edge" d="${edge}"/>` +
      `<path class="edge held" pathLength="1" d="${edge}"/>` +
      (seen === "liner" ? `<path class="edge fold" d="${fold}"/>` : ""),
    "trap-frame",
  );
}

/** Says what to change, once the gate has said so twice: one frame in a hand that moves means little. */
async function watch(camera: Camera, root: HTMLElement, hint: HTMLElement, automatic: Automatic): Promise<void> {
  const model = await modelInUse().catch(() => null);
  // Without a model there is no gate either, and whoever takes the photo learns that from the count.
  if (!model) return;
  const canvas = h("canvas");
  let before: Hint | undefined;
  let shown: Hint | undefined;
  do {
    const found = camera.isOpen() ? await hintFor(camera.video, canvas, model).catch(() => undefined) : undefined;
    const now = found === GOOD && automatic.isOn() ? HOLD : found;
    // A model without a gate looks at the light alone: that is no reason to take a photo.
    automatic.noteLook(found === GOOD && model.gate !== null && root.isConnected && camera.isOpen());
    if (now && now === before && now !== shown) {
      shown = now;
      root.dataset.hint = now.icon;
      root.classList.toggle("good", found === GOOD);
      hint.replaceChildren(icon(now.icon));
      fillWith(hint, h("span", {}, now.words()));
    }
    before = now;
    await new Promise((done) => setTimeout(done, LOOK_MS));
  } while (root.isConnected);
}

async function hintFor(video: HTMLVideoElement, canvas: HTMLCanvasElement, model: Model): Promise<Hint | undefined> {
  const scale = SEEN_PX / Math.max(video.videoWidth, video.videoHeight);
  if (!Number.isFinite(scale)) return undefined;
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true }) as CanvasRenderingContext2D;
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const frame: Frame = { width, height, rgba: data };
  const { reason } = await counter.judge(frame, model);
  return reason === null ? GOOD : HINTS[reason];
}
