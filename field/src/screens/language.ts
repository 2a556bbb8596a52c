/** The first screen: each language by its own name in its own script, nothing else to read. */

import { h } from "../elements";
import { isKnownLocale, LOCALES, loadLocale, preferredLocale, t } from "../i18n";
import { Problem } from "../problem";
import { keep, setting } from "../store/settings";
import { go, notice, type Screen } from "./frame";

export async function languageScreen(): Promise<Screen> {
  const stored = await setting("locale");
  const chosen = stored ?? preferredLocale(navigator.languages);
  // The language that the phone itself speaks stands on top.
  const order = Object.entries(LOCALES).sort(([a], [b]) => Number(b === chosen) - Number(a === chosen));
  const choose = async (locale: string): Promise<void> => {
    await keep("locale", locale);
    await loadLocale(locale);
    document.documentElement.lang = locale;
    go((await setting("consent")) ? "#/settings" : "#/consent");
  };
  return {
    testid: "language",
    // At the very first nobody's language is known: the name of the app is the same in all.
    title: stored ? t("Language") : "pestwatch",
    ...((await setting("consent")) ? { back: "#/settings" } : {}),
    body: h(
      "div",
      { class: "stack" },
      stored && !isKnownLocale(stored) && unknown(stored),
      order.map(([locale, endonym]) =>
        h(
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
        ),
      ),
    ),
  };
}

function unknown(locale: string): HTMLElement {
  const { message, params } = new Problem("422.7", { locale });
  return notice("doubt", "language", "unknown-language", t(message, params));
}
