/** The first screen: each language by its own name in its own script, and a loudspeaker that says it. */

import { h } from "../elements";
import { isKnownLocale, LOCALES, loadLocale, preferredLocale, t } from "../i18n";
import { icon } from "../icons";
import { Problem } from "../problem";
import { speakClip } from "../speak";
import { keep, setting } from "../store/settings";
import { go, notice, type Screen } from "./frame";

export async function languageScreen(): Promise<Screen> {
  const [stored, consent] = await Promise.all([setting("locale"), setting("consent")]);
  const chosen = stored ?? preferredLocale(navigator.languages);
  // The language that the phone itself speaks stands on top.
  const order = Object.entries(LOCALES).sort(([a], [b]) => Number(b === chosen) - Number(a === chosen));
  const choose = async (locale: string): Promise<void> => {
    await keep("locale", locale);
    await loadLocale(locale);
    document.documentElement.lang = locale;
    go(consent ? "#/settings" : "#/consent");
  };
  const rows = order.map(([locale, endonym]) => {
    const hear = h(
      "button",
      {
        type: "button",
        class: "button quiet hear",
        testid: `hear-${locale}`,
        "aria-label": t("Hear %(language)s", { language: endonym }),
        // Takes its place before anybody knows whether there is a voice: nothing must move under a finger.
        "data-silent": "",
      },
      icon("speaker"),
    );
    const pick = h(
      "button",
      {
        type: "button",
        class: "button language",
        lang: locale,
        testid: `language-${locale}`,
        "aria-pressed": String(locale === chosen),
        onclick: () => choose(locale),
      },
      endonym,
    );
    return { endonym, hear, row: h("div", { class: "with-voice" }, pick, hear) };
  });
  // After this screen has been painted: sound never holds up the first look.
  setTimeout(() => void giveVoices(rows));
  return {
    testid: "language",
    // At the very first nobody's language is known: the name of the app is the same in all.
    title: stored ? t("Language") : "pestwatch",
    ...(consent ? { back: "#/settings" } : {}),
    body: h(
      "div",
      { class: "stack" },
      stored && !isKnownLocale(stored) && unknown(stored),
      rows.map(({ row }) => row),
    ),
  };
}

/** Brings the names' clips, and shows a loudspeaker beside each language that has one. */
async function giveVoices(rows: { endonym: string; hear: HTMLElement }[]): Promise<void> {
  const [{ fetchClips, NAMES }, { keyOf }] = await Promise.all([import("../sound/clips"), import("../sound/spoken")]);
  const clips = await fetchClips(
    NAMES,
    rows.map(({ endonym }) => keyOf(endonym)),
  );
  for (const { endonym, hear } of rows) {
    if (!clips.has(keyOf(endonym))) {
      hear.remove();
      continue;
    }
    delete hear.dataset.silent;
    hear.addEventListener("click", async () => {
      hear.classList.add("spoken");
      await speakClip(NAMES, keyOf(endonym)).finally(() => hear.classList.remove("spoken"));
    });
  }
}

function unknown(locale: string): HTMLElement {
  const { message, params } = new Problem("422.7", { locale });
  return notice("doubt", "language", "unknown-language", t(message, params));
}
