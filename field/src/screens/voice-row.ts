/** The voice of the language: how much of it is on the phone, the rest to download, and the room back. */

import { h } from "../elements";
import { locale, t } from "../i18n";
import { button, redraw, say } from "./frame";
import type { Row } from "./model-row";

/** Nothing to choose where the app was built without sound. */
export async function voiceRow(row: Row): Promise<HTMLElement | null> {
  const { bytesOf, download, removeSound } = await import("../sound/clips");
  const bytes = await bytesOf(locale());
  if (!bytes) return null;
  const kilobytes = (of: number): number => Math.ceil(of / 1000);
  const fetchAll = button("file", t("Download the voice"), {
    testid: "voice-download",
    onclick: async () => {
      fetchAll.setAttribute("disabled", "");
      if (!(await download(locale()))) say(t("The voice needs a network the first time."));
      redraw();
    },
  });
  return row(
    "speaker",
    "setting-voice",
    h("p", {}, h("strong", {}, t("Voice")), " · ", t("Computer voice")),
    h(
      "p",
      { class: "quiet", testid: "voice-state", "data-missing": bytes.missing },
      bytes.missing === 0
        ? t("On this phone")
        : t("%(kilobytes)s kB to download", { kilobytes: kilobytes(bytes.missing) }),
    ),
    bytes.missing > 0 && fetchAll,
    bytes.here > 0 &&
      button("cross", t("Remove the voice: %(kilobytes)s kB", { kilobytes: kilobytes(bytes.here) }), {
        testid: "voice-remove",
        look: "quiet",
        onclick: async () => {
          await removeSound();
          redraw();
        },
      }),
  );
}
