/** What a saved file brings back: shown before anything is done, with the one question that only a person can answer. */

import { type Child, h } from "../elements";
import { dateText, type Message, t, tn } from "../i18n";
import { type IconName, icon } from "../icons";
import { asProblem } from "../problem";
import { exportEverything } from "../store/export";
import { type Brings, putBack, whatComes } from "../store/put-back";
import { readSaved, type Saved } from "../store/saved-file";
import { askEarlier } from "../sync/earlier";
import { flushSoon } from "../sync/flush";
import { button, goInstead, notice, type Screen, say } from "./frame";

// One script for all that has to do with the file.
export const saveToFile = (): Promise<void> => exportEverything();
export const askAboutFile = (): Promise<void> => askEarlier();

export function putBackScreen(): Screen {
  const below = h("div", { class: "stack", testid: "put-back", role: "status" });
  const input = h("input", {
    type: "file",
    accept: ".zip,application/zip",
    class: "unseen",
    tabindex: -1,
    "aria-hidden": "true",
    testid: "put-back-file",
    onchange: async () => {
      const file = input.files?.[0];
      input.value = "";
      if (!file) return;
      below.replaceChildren(h("p", { class: "counting" }, t("The file is looked through…")));
      below.replaceChildren(await answerTo(file));
    },
  });
  return {
    testid: "put-back",
    title: t("Put back from a file"),
    back: "#/settings",
    body: [
      notice(
        "plain",
        "file",
        "put-back-words",
        h("p", {}, t("Choose the file that you saved on this phone or another.")),
      ),
      button("file", t("Choose the file"), { testid: "choose-file", look: "main", onclick: () => input.click() }),
      input,
      below,
    ],
  };
}

async function answerTo(file: File): Promise<HTMLElement> {
  try {
    const saved = await readSaved(file);
    return offer(saved, await whatComes(saved));
  } catch (error) {
    const problem = asProblem(error);
    return notice("trouble", "watch", "put-back-problem", t(problem.message, problem.params));
  }
}

function offer(saved: Saved, brings: Brings): HTMLElement {
  const { traps, counts, photos, unsaved, unsent } = brings;
  if (traps + counts + photos + unsaved + unsent === 0) {
    return notice("good", "check", "put-back-nothing", t("Everything in this file is here already."));
  }
  const choose = (picture: IconName, words: Message, isOldPhoneGone: boolean, look: "main" | "plain"): HTMLElement =>
    button(picture, words, {
      testid: isOldPhoneGone ? "put-back-now" : "put-back-beside",
      look,
      onclick: () => bring(saved, isOldPhoneGone, shown),
    });
  const line = (picture: IconName, words: Message): Child => h("p", {}, icon(picture, "small"), " ", words);
  const shown = h(
    "section",
    { class: "card stack", testid: "put-back-offer", "data-unsent": unsent },
    h("p", {}, t("Saved: %(day)s", { day: dateText(new Date(saved.content.exported_at)) })),
    traps > 0 && line("traps", tn("%(n)s trap", "%(n)s traps", traps)),
    counts > 0 && line("hand", tn("%(n)s count", "%(n)s counts", counts)),
    photos > 0 && line("camera", tn("%(n)s photo", "%(n)s photos", photos)),
    unsent === 0
      ? choose("check", t("Put it back"), true, "main")
      : [
          h("p", {}, h("strong", {}, t("Do you still use the old phone?"))),
          choose("check", t("No, only this phone"), true, "main"),
          choose("phone", t("Yes, it sends its own counts"), false, "plain"),
        ],
  );
  return shown;
}

async function bring(saved: Saved, isOldPhoneGone: boolean, shown: HTMLElement): Promise<void> {
  for (const one of shown.querySelectorAll("button")) one.disabled = true;
  try {
    await putBack(saved, isOldPhoneGone);
  } catch (error) {
    const problem = asProblem(error);
    shown.replaceWith(notice("trouble", "watch", "put-back-problem", t(problem.message, problem.params)));
    return;
  }
  say(t("Put back"));
  goInstead("#/");
  void askEarlier().then(flushSoon);
}
