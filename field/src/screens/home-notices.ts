/** What the home screen has to say before the traps: a new version, the counter on its way, little room. */

import { newVersionNotice } from "../app-update";
import { type Child, fillWith, h } from "../elements";
import { type Message, number, t } from "../i18n";
import { arrival, onArrival } from "../release/arrival";
import { isRoomLittle } from "../store/room";
import { setting } from "../store/settings";
import { button, notice } from "./frame";

export async function homeNotices(): Promise<Child> {
  return [await newVersionNotice(), counterComing(), await modelWaits(), littleRoom()];
}

/** How far engine and model have come; goes when they are here. @param onHere somebody waits for that moment */
export function counterComing(onHere?: () => void): HTMLElement | null {
  if (arrival()?.state === "here") return null;
  const bar = h("progress", { max: 1, testid: "counter-progress", "aria-hidden": "true" });
  const words = h("p", { testid: "counter-words" });
  const shown = notice("plain", "chip", "counter-coming", words, bar);
  let last = "";
  const draw = (): void => {
    const { state = "coming", share = 0 } = arrival() ?? {};
    // Until the service worker has spoken nothing is known, and mostly everything is here.
    shown.hidden = !arrival() && !onHere;
    bar.value = share;
    // Floored: 100 % is said when it is there.
    const done = Math.floor(share * 100);
    // Steps of ten, or a screen reader would talk without end.
    const said = `${state} ${Math.floor(done / 10)}`;
    shown.dataset.percent = String(done);
    if (said === last) return;
    last = said;
    words.replaceChildren();
    const percent = `${number(done)} %`;
    fillWith(
      words,
      state === "stopped"
        ? t("The counter comes when there is a network. So far: %(percent)s", { percent })
        : t("The counter is coming: %(percent)s", { percent }),
    );
  };
  draw();
  let wasShown = false;
  const stop = onArrival(() => {
    wasShown ||= shown.isConnected;
    if (wasShown && !shown.isConnected) return stop();
    if (arrival()?.state !== "here") return draw();
    stop();
    shown.remove();
    onHere?.();
  });
  return shown;
}

export const offerWords = (bytes: number): Message =>
  t("A new counting model waits: %(kilobytes)s kB.", { kilobytes: Math.ceil(bytes / 1000) });

async function modelWaits(): Promise<HTMLElement | null> {
  const offered = await setting("next_model");
  if (!offered) return null;
  const get = button("again", t("Download it"), {
    testid: "download-model",
    onclick: async () => {
      get.setAttribute("disabled", "");
      await (await import("./model-row")).askForUpdate();
    },
  });
  return notice("plain", "chip", "model-waits", h("p", {}, offerWords(offered.bytes)), !offered.isComing && get);
}

/** Looked for while the screen is there already: a slow phone must not wait for it. */
function littleRoom(): HTMLElement {
  const warning = notice(
    "doubt",
    "phone",
    "little-room",
    h("p", {}, t("The phone is almost full. Send your counts, then delete some videos or photos.")),
    button("outbox", t("Sending"), { testid: "open-outbox", href: "#/outbox" }),
  );
  warning.hidden = true;
  void isRoomLittle().then((isLittle) => {
    warning.hidden = !isLittle;
  });
  return warning;
}
