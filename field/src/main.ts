/** Boot: language, stored state, routes, the service worker, and the first sync. */

import "./style.css";
import { installServiceWorker } from "./app-update";
import { occupy } from "./busy";
import { h } from "./elements";
import { isKnownLocale, loadLocale, locale, preferredLocale, t } from "./i18n";
import { asProblem, Problem } from "./problem";
import { arrival, isCounterHere, onArrival } from "./release/arrival";
import { adviceScreen } from "./screens/advice";
import { countScreen } from "./screens/capture";
import { consentScreen } from "./screens/consent";
import { goInstead, notice, onRedraw, type Screen, say, show } from "./screens/frame";
import { languageScreen } from "./screens/language";
import { editTrapScreen, newTrapScreen } from "./screens/new-trap";
import { trapsScreen } from "./screens/traps";
import { youngerScreen } from "./screens/younger";
import { onChange } from "./store/changed";
import { allDrafts } from "./store/draft";
import { waitingCount } from "./store/outbox";
import { keepSafe } from "./store/room";
import { setting } from "./store/settings";
import { ask, codeInHash } from "./sync/enrol";
import { type FlushReason, flush } from "./sync/flush";

type Route = [RegExp, (id: string) => Promise<Screen | null>];

/** A screen that has nothing to show (a trap that is not there) gives null, and home is shown instead. */
const ROUTES: Route[] = [
  [/^#\/$/, trapsScreen],
  [/^#\/language$/, languageScreen],
  [/^#\/consent$/, consentScreen],
  [/^#\/younger$/, youngerScreen],
  [/^#\/traps\/new$/, newTrapScreen],
  [/^#\/traps\/(\w+)$/, async (id) => (await loaded(import("./screens/history"))).historyScreen(id)],
  [/^#\/traps\/(\w+)\/edit$/, editTrapScreen],
  [/^#\/traps\/(\w+)\/advice$/, adviceScreen],
  [/^#\/traps\/(\w+)\/inspect$/, async (id) => (await loaded(import("./screens/inspection"))).inspectionScreen(id)],
  [/^#\/count\/(\w+)$/, countScreen],
  [/^#\/camera\/(\w+)$/, async (id) => (await loaded(import("./screens/guided-camera"))).guidedCameraScreen(id)],
  [/^#\/outbox$/, async () => (await loaded(import("./screens/outbox"))).outboxScreen()],
  [/^#\/(settings|put-back)$/, async (id) => (await loaded(import("./screens/settings"))).settingsScreen(id)],
  [/^#\/enrol$/, async () => (await loaded(import("./screens/enrol"))).enrolScreen()],
];

/** A screen that comes with engine and model: nobody needs it in the first minute, and the first ones are there sooner. */
function loaded<M>(importing: Promise<M>): Promise<M> {
  return importing.catch(() => {
    throw new Problem("502.1");
  });
}

/** Screens that only show what is stored, so that they may be drawn anew whenever that changes. */
const FOLLOWS_CHANGES = /^#\/(outbox|settings)?$/;

/** Screens on which nobody is in the middle of anything. */
const IS_IDLE = /^#\/(outbox|settings|traps\/(?!new$)\w+(\/advice)?)?$/;

const RETRY_MS = 60_000;

let drawing = 0;

async function draw(keepScroll = false): Promise<void> {
  const turn = ++drawing;
  const screen = await screenFor(location.hash || "#/");
  // A later call has overtaken this one.
  if (turn !== drawing || !screen) return;
  show(screen, { keepScroll });
  occupy(!IS_IDLE.test(location.hash || "#/"));
}

/** After something has changed by itself: never in the middle of a count or a form. */
async function redrawUnlessBusy(): Promise<void> {
  // Before consent the first screens stand at the same address, and may be speaking.
  if (FOLLOWS_CHANGES.test(location.hash || "#/") && (await setting("consent"))) await draw(true);
}

async function screenFor(hash: string): Promise<Screen | null> {
  const code = codeInHash(hash);
  if (code) {
    void useCode(code);
    // Taken out of the address, so that it is neither used twice nor left in a history.
    goInstead("#/");
    return null;
  }
  // Nothing is asked before the language, and nothing is done before consent has an answer.
  if (!isKnownLocale((await setting("locale")) ?? "")) return languageScreen();
  if (!(await setting("consent")) && hash !== "#/language") return consentScreen();
  try {
    for (const [pattern, make] of ROUTES) {
      const found = pattern.exec(hash);
      if (found) return (await make(found[1] ?? "")) ?? trapsScreen();
    }
    return trapsScreen();
  } catch (error) {
    return { ...failed(error), tab: "traps" }; // with the way home still there
  }
}

/** A phone that is enrolled stays what it is: a code that is opened a second time must not make it another one. */
async function useCode(code: string): Promise<void> {
  if ((await setting("enrolment"))?.state === "active") {
    say(t("This phone is enrolled."));
    return;
  }
  await ask(code);
  const { state, problem } = await flush("asked");
  if (state === "sent") say(t("This phone is enrolled."));
  if (problem) say(t(problem.message, problem.params));
}

/** An error is a screen too. */
function failed(error: unknown): Screen {
  const problem = asProblem(error);
  return {
    testid: "problem",
    title: t("Something went wrong"),
    body: notice("trouble", "watch", "problem", t(problem.message, problem.params)),
  };
}

function syncWhenever(): void {
  const sync = async (reason: FlushReason): Promise<void> => {
    await flush(reason);
    await updateModel();
  };
  window.addEventListener("online", () => void sync("connected"));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void sync("automatic");
  });
  // The page may stay open for hours without any of these; the back-off decides whether a try is made.
  window.setInterval(async () => {
    if ((await setting("asking")) || (await setting("consent_to_tell")) || (await waitingCount()) > 0)
      await sync("automatic");
  }, RETRY_MS);
  // A person has just opened the app: no back-off holds that up.
  void sync("connected");
}

/** What was put back from another phone's file goes out once the server has said what that phone had sent. */
async function askEarlier(): Promise<void> {
  // Without a network the script may not be here: after the next sync, then.
  if (await setting("earlier"))
    await import("./screens/settings").then(({ askAboutFile }) => askAboutFile()).catch(() => {});
}

/** A newer model of the region, if there is one and nobody is counting; without a network the next time will do. */
async function updateModel(): Promise<void> {
  if (/^#\/(count|camera)\//.test(location.hash) || !(await setting("locale")) || !(await isCounterHere())) return;
  const [{ timePhone }, { updateRelease }] = await Promise.all([import("./release/speed"), import("./release/update")]);
  // A photo that came meanwhile ends the timing, and a phone without a model has nothing to time: next time, then.
  await timePhone().catch(() => {});
  try {
    await updateRelease();
  } catch {
    // A refusal is kept with the release and shown in the settings; the rest is the network.
  }
}

async function boot(): Promise<void> {
  document.body.append(h("div", { id: "live", role: "status", "aria-live": "polite" }));
  let chosen: string | undefined;
  try {
    chosen = await setting("locale");
  } catch {
    // No IndexedDB, as in some private windows: better no app than one that forgets.
    await loadLocale(preferredLocale(navigator.languages) ?? "en");
    return show({ ...failed(new Problem("507.2")), title: "pestwatch" });
  }
  await loadLocale(chosen ?? "en");
  document.documentElement.lang = locale();
  // Back from a camera that pushed the page out of memory: go on where it stopped.
  const draft = (await allDrafts()).find(({ photo }) => photo);
  if (draft && (location.hash === "" || location.hash === "#/")) goInstead(`#/count/${draft.trap}`);
  window.addEventListener("hashchange", () => void draw());
  window.addEventListener("unhandledrejection", ({ reason }) => {
    const problem = asProblem(reason);
    say(t(problem.message, problem.params));
  });
  onRedraw(() => void draw(true));
  onChange(() => {
    void redrawUnlessBusy();
    void keepSafe();
    void askEarlier();
  });
  await draw();
  void installServiceWorker(() => void redrawUnlessBusy());
  let isAwaited = false;
  onArrival(() => {
    if (isAwaited && arrival()?.state === "here") void redrawUnlessBusy();
    isAwaited = arrival()?.state !== "here";
  });
  syncWhenever();
}

void boot();
