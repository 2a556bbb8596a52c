/** Consent before anything is sent: short lines, each with a picture; can be heard; every answer is real. */

import { h } from "../elements";
import { aloud, locale, type Message, t } from "../i18n";
import { type IconName, icon } from "../icons";
import type { Line } from "../speak";
import { keep, setting } from "../store/settings";
import { noteAnswer } from "../sync/consent";
import { flush } from "../sync/flush";
import { instant } from "../sync/protocol";
import { myTraps } from "../trap/my-traps";
import { button, go, type Screen } from "./frame";
import { listenButton } from "./listen";

/** Changes whenever what is agreed to below does: the record says which it was. */
export const CONSENT_VERSION = 3;

function lines(): [IconName, Message][] {
  return [
    ["officer", aloud(t("If you agree, your counts go to your agriculture officers. They warn farmers near you."))],
    ["place", aloud(t("They see the district and village that you write. The app does not follow where you go."))],
    ["lock", aloud(t("The app does not ask your phone number. Your officer may ask what to call you."))],
    ["settings", aloud(t("You can stop at any time in Settings."))],
  ];
}

/** Whoever has no trap yet gets on with the first one. */
const afterwards = async (): Promise<string> => ((await myTraps()).length > 0 ? "#/" : "#/traps/new");

export async function consentScreen(): Promise<Screen> {
  const before = await setting("consent");
  const photos = (await setting("send_photos")) ?? false;
  const answers = { photos };
  const record = async (agreed: boolean, isMinor = false): Promise<void> => {
    const answer = { version: CONSENT_VERSION, at: instant(new Date()), locale: locale(), agreed };
    await keep("consent", isMinor ? { ...answer, is_minor: true } : answer);
    await keep("send_photos", agreed && answers.photos);
    await noteAnswer();
    void flush("asked");
    go(isMinor ? "#/younger" : before ? "#/settings" : await afterwards());
  };
  const yes = button("check", t("Yes, send photos"), {
    testid: "photos-yes",
    pressed: photos,
    onclick: () => choose(true),
  });
  const no = button("cross", t("No photos"), { testid: "photos-no", pressed: !photos, onclick: () => choose(false) });
  const choose = (send: boolean): void => {
    answers.photos = send;
    yes.setAttribute("aria-pressed", String(send));
    no.setAttribute("aria-pressed", String(!send));
  };
  const agree = aloud(t("I am 18 or older, and I agree"));
  const decline = aloud(t("No. Keep everything on this phone"));
  const younger = aloud(t("I am younger than 18"));
  const photoWords = aloud(
    t("May photos of the trap go too? They help to teach the counter. Your counts work without them."),
  );
  const photoQuestion = h("p", { class: "question" }, icon("camera"), h("span", {}, photoWords));
  const shown = lines().map(([picture, message]) => ({
    message,
    element: h("li", {}, icon(picture), h("span", {}, message)),
  }));
  const agreeButton = button("check", agree, {
    testid: "consent-agree",
    look: "main",
    onclick: () => record(true),
  });
  const declineButton = button("phone", decline, { testid: "consent-decline", onclick: () => record(false) });
  const youngerButton = button("adult", younger, {
    testid: "consent-minor",
    look: "quiet",
    onclick: () => record(false, true),
  });
  const heard: Line[] = [
    ...shown,
    { message: photoWords, element: photoQuestion },
    { message: agree, element: agreeButton },
    { message: decline, element: declineButton },
    { message: younger, element: youngerButton },
  ];
  return {
    testid: "consent",
    title: t("Before you start"),
    back: before ? "#/settings" : "#/language",
    body: [
      listenButton(() => heard, { isSoon: true }),
      h(
        "ul",
        { class: "lines" },
        shown.map(({ element }) => element),
      ),
      h("section", { class: "card" }, photoQuestion, h("div", { class: "two" }, yes, no)),
      h("div", { class: "stack" }, agreeButton, declineButton, youngerButton),
    ],
  };
}
