/** Which model counts on this phone, and what became of a newer one. */

import { type Child, h } from "../elements";
import { dateText, t } from "../i18n";
import type { IconName } from "../icons";
import { asProblem } from "../problem";
import { type ReleaseState, releaseState } from "../release/shelf";
import { updateRelease } from "../release/update";
import { setting } from "../store/settings";
import { button, redraw, say } from "./frame";
import { offerWords } from "./home-notices";

/** Makes one row of the settings screen. */
export type Row = (picture: IconName, testid: string, ...words: Child[]) => HTMLElement;

export async function modelRow(row: Row): Promise<HTMLElement> {
  const state = await releaseState().catch((error: unknown) => asProblem(error));
  if (state instanceof Error) {
    return row("chip", "setting-model", h("p", { testid: "model-version" }, t(state.message, state.params)));
  }
  const offered = await setting("next_model");
  return row(
    "chip",
    "setting-model",
    words(state),
    offered && h("p", { testid: "model-offered" }, offerWords(offered.bytes)),
    await loadedWords("loaded_model"),
    checkNow(Boolean(offered && !offered.isComing)),
  );
}

/** What the last update cost. */
export async function loadedWords(what: "loaded_app" | "loaded_model"): Promise<Child> {
  const loaded = await setting(what);
  if (!loaded) return null;
  const size = { kilobytes: Math.ceil(loaded.bytes / 1000), day: dateText(new Date(loaded.at)) };
  return h("p", { class: "quiet", testid: what }, t("Last update: %(kilobytes)s kB, %(day)s", size));
}

function words({ current, previous, refused, checked_at }: ReleaseState): Child {
  return [
    h("p", {}, t("Counting model")),
    h("p", {}, h("strong", { testid: "model-version", "data-region": current.region }, current.version)),
    current.overdue &&
      h("p", { testid: "model-overdue" }, t("This model is old. Connect to the network to get a new one.")),
    previous && h("p", { class: "quiet", testid: "model-previous" }, t("Before: %(version)s", { version: previous })),
    refused &&
      h(
        "div",
        { testid: "model-refused", "data-version": refused.version },
        h("p", {}, t("A new model was refused: %(version)s", { version: refused.version })),
        h("p", { class: "reason" }, t(refused.problem.message, refused.problem.params)),
      ),
    checked_at &&
      h("p", { class: "quiet" }, t("Last looked for a new one: %(day)s", { day: dateText(new Date(checked_at)) })),
  ];
}

function checkNow(isOffered: boolean): HTMLElement {
  const look = button("again", isOffered ? t("Download it") : t("Look for a new model"), {
    testid: "model-update",
    onclick: async () => {
      look.setAttribute("disabled", "");
      await askForUpdate();
    },
  });
  return look;
}

/** Asks for a newer release, or for files that the phone lacks; says so when they cannot be had now. */
export async function askForUpdate(): Promise<void> {
  try {
    await updateRelease("asked");
  } catch (error) {
    const problem = asProblem(error);
    say(t(problem.message, problem.params));
  }
  redraw();
}
