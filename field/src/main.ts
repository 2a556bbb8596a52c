/** Boot: language, stored state, routes, the service worker, and the first sync. */

import "./style.css";
import { installServiceWorker } from "./app-update";
import { h } from "./elements";
import { isKnownLocale, loadLocale, locale, t } from "./i18n";
import { asProblem } from "./problem";
import { timePhone } from "./release/speed";
import { updateRelease } from "./release/update";
import { adviceScreen } from "./screens/advice";
import { countScreen } from "./screens/capture";
import { consentScreen } from "./screens/consent";
import { enrolScreen } from "./screens/enrol";
import { goInstead, notice, onRedraw, type Screen, say, show } from "./screens/frame";
import { languageScreen } from "./screens/language";
import { editTrapScreen, newTrapScreen } from "./screens/new-trap";
import { outboxScreen } from "./screens/outbox";
import { settingsScreen } from "./screens/settings";
import { trapsScreen } from "./screens/traps";
import { youngerScreen } from "./screens/younger";
import { onChange } from "./store/changed";
import { allDrafts } from "./store/draft";
import { waitingCount } from "./store/outbox";
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
  [/^#\/traps\/(\w+)$/, async (id) => (await import("./screens/history")).historyScreen(id)],
  [/^#\/traps\/(\w+)\/edit$/, editTrapScreen],
  [/^#\/traps\/(\w+)\/advice$/, adviceScreen],
  [/^#\/traps\/(\w+)\/inspect$/, async (id) => (await import("./screens/inspection")).inspectionScreen(id)],
  [/^#\/count\/(\w+)$/, countScreen],
  [/^#\/camera\/(\w+)$/, async (id) => (await import("./screens/guided-camera")).guidedCameraScreen(id)],
  [/^#\/outbox$/, outboxScreen],
  [/^#\/settings$/, settingsScreen],
  [/^#\/enrol$/, enrolScreen],
];

/** Screens that only show what is stored, so that they may be drawn anew whenever that changes. */
const FOLLOWS_CHANGES = /^#\/(outbox|settings)?$/;

const RETRY_MS = 60_000;

let drawing = 0;

async function draw(keepScroll = false): Promise<void> {
  const turn = ++drawing;
  const screen = await screenFor(location.hash || "#/");
  // A later call has overtaken this one.
  if (turn === drawing && screen) show(screen, { keepScroll });
}

/** After something has changed by itself: never in the middle of a count or a form. */
function redrawUnlessBusy(): void {
  if (FOLLOWS_CHANGES.test(location.hash || "#/")) void draw(true);
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
    return failed(error);
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

/** An error is a screen too, with the way home still there. */
function failed(error: unknown): Screen {
  const problem = asProblem(error);
  return {
    testid: "problem",
    title: t("Something went wrong"),
    tab: "traps",
    body: notice("trouble", "watch", "problem", t(problem.message, problem.params)),
  };
}

function syncWhenever(): void {
  const sync = async (reason: FlushReason): Promise<void> => {
    await flush(reason);
    await updateModel();
  };
  window.addEventListener("online", () => void sync("asked"));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void sync("automatic");
  });
  // The page may stay open for hours without any of these; the back-off decides whether a try is made.
  window.setInterval(async () => {
    if ((await setting("asking")) || (await setting("consent_to_tell")) || (await waitingCount()) > 0)
      await sync("automatic");
  }, RETRY_MS);
  void sync("automatic");
}

/** A newer model of the region, if there is one and nobody is counting; without a network the next time will do. */
async function updateModel(): Promise<void> {
  if (/^#\/(count|camera)\//.test(location.hash) || !(await setting("locale"))) return;
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
  const chosen = await setting("locale");
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
  onChange(redrawUnlessBusy);
  await draw();
  void installServiceWorker(redrawUnlessBusy);
  syncWhenever();
}

void boot();
