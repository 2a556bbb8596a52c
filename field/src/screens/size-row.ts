/** Which of the models counts: by itself, or as a person says, with what each costs to download. */

import { type Child, h } from "../elements";
import { type Message, number, t } from "../i18n";
import { SIZES, type Size } from "../release/manifest";
import { downloadBytes, releaseState } from "../release/shelf";
import { photoMs, sizeChoice, sizeFor, wantedSize } from "../release/size";
import type { Settings } from "../store/database";
import { keep, setting } from "../store/settings";
import { button, redraw } from "./frame";
import { askForUpdate, type Row } from "./model-row";

type Choice = Settings["size_choice"];

/** Nothing to choose where the phone holds no model yet, or the release only one. */
export async function sizeRow(row: Row): Promise<HTMLElement | null> {
  const missing = await downloadBytes(SIZES).catch(() => new Map<Size, number>());
  if (missing.size < 2) return null;
  const [choice, timing, wanted, { current }] = await Promise.all([
    sizeChoice(),
    setting("size_timing"),
    wantedSize(),
    releaseState(),
  ]);
  const names: Record<Size, Message> = { nano: t("Small download"), small: t("Usual"), base: t("Most exact, slower") };
  const option = (value: Choice, words: Message, below: Message): Child => [
    button(value === "automatic" ? "gauge" : value, words, {
      testid: `size-${value}`,
      pressed: choice === value,
      onclick: () => choose(value),
    }),
    h("p", { class: "quiet" }, below),
  ];
  return row(
    "chip",
    "setting-size",
    h("p", { testid: "size-in-use", "data-size": current.size }, t("How this phone counts")),
    option("automatic", t("Automatic"), automaticWords(timing)),
    SIZES.filter((size) => missing.has(size)).map((size) => option(size, names[size], costWords(missing.get(size)))),
    wanted !== current.size &&
      h("p", { testid: "size-waiting" }, t("Until the download has arrived, the phone counts as before.")),
  );
}

function automaticWords(timing: Settings["size_timing"] | undefined): Message {
  if (!timing) return t("This phone was not timed yet. That happens when it has nothing to do.");
  const seconds = number(Math.ceil(photoMs(timing) / 1000));
  return sizeFor(timing) === "small"
    ? t("This phone is fast enough for the usual way: up to %(seconds)s seconds for a photo.", { seconds })
    : t("The usual way would take this phone %(seconds)s seconds for a photo, so it uses the small download.", {
        seconds,
      });
}

function costWords(bytes = 0): Message {
  if (bytes === 0) return t("On this phone");
  return t("%(kilobytes)s kB to download", { kilobytes: Math.ceil(bytes / 1000) });
}

/** Remembers the choice at once; what it needs comes when the network has brought it. */
async function choose(choice: Choice): Promise<void> {
  await keep("size_choice", choice);
  redraw();
  await askForUpdate();
}
