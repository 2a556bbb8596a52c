/** The button that reads a screen aloud; while it reads it stops, and where nothing can be heard it says so. */

import { fillWith, h } from "../elements";
import { locale, type Message, t } from "../i18n";
import { type IconName, icon } from "../icons";
import { hush, type Line, speak } from "../speak";
import { button, say } from "./frame";

/**
 * @param lines what is read, as it is when somebody asks
 * @param isSoon fetches the clips before anybody asks
 */
export function listenButton(lines: () => Line[], { isSoon = false } = {}): HTMLElement {
  const below = h("span", { class: "quiet small", hidden: true, testid: "computer-voice" }, t("Computer voice"));
  let reading = false;
  const listen = button("speaker", t("Listen"), {
    testid: "listen",
    look: "quiet",
    onclick: async () => {
      if (reading) return hush();
      look(true, "stop", t("Stop"));
      const outcome = await speak(lines()).finally(() => look(false, "speaker", t("Listen")));
      if (outcome === "silent") say(t("The voice needs a network the first time."));
    },
  });
  const look = (on: boolean, picture: IconName, words: Message): void => {
    reading = on;
    listen.replaceChildren();
    fillWith(listen, icon(picture), h("span", {}, words));
    listen.dataset.reading = String(on);
  };
  const box = h("div", { class: "listen" }, listen, below);
  void prepare(lines(), isSoon, box, listen, below);
  return box;
}

/** Looks for a voice once the screen is up, without holding it up. */
async function prepare(
  lines: Line[],
  isSoon: boolean,
  box: HTMLElement,
  listen: HTMLElement,
  below: HTMLElement,
): Promise<void> {
  const { areRecorded, fetchAll, onVoice } = await import("../sound/player");
  onVoice(locale(), (has) => {
    const sign = h("p", { class: "quiet", testid: "no-voice" }, icon("mute"), t("No voice on this phone yet."));
    box.replaceChildren(...(has ? [listen, below] : [sign]));
  });
  below.hidden = await areRecorded(lines);
  if (isSoon) await fetchAll(lines);
}
