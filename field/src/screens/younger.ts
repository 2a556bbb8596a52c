/** A kind no to whoever is younger than 18: nothing is sent, and counting on the phone goes on. */

import { h } from "../elements";
import { aloud, type Message, t } from "../i18n";
import { type IconName, icon } from "../icons";
import { myTraps } from "../trap/my-traps";
import { button, type Screen } from "./frame";
import { listenButton } from "./listen";

/** Source: Digital Personal Data Protection Act 2023, section 9: a child's data only with a parent's consent. ADR 0016. */
function lines(): [IconName, Message][] {
  return [
    ["lock", aloud(t("Thank you for saying so. Nothing is sent from this phone."))],
    ["hand", aloud(t("You can count your traps here all the same."))],
    ["adult", aloud(t("A grown-up of your family can agree later, in Settings."))],
  ];
}

export async function youngerScreen(): Promise<Screen> {
  const shown = lines().map(([picture, message]) => ({
    message,
    element: h("li", {}, icon(picture), h("span", {}, message)),
  }));
  return {
    testid: "younger",
    title: t("You are welcome here"),
    back: "#/consent",
    body: [
      listenButton(() => shown),
      h(
        "ul",
        { class: "lines" },
        shown.map(({ element }) => element),
      ),
      button("next", t("Go on"), {
        testid: "younger-go-on",
        look: "main",
        href: (await myTraps()).length > 0 ? "#/" : "#/traps/new",
      }),
    ],
  };
}
