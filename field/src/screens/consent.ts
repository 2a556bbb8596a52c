/** Consent before anything is sent: short lines, each with a picture; can be heard; both answers are real. */

import { h } from "../elements";
import { locale, type Message, t } from "../i18n";
import { type IconName, icon } from "../icons";
import { canSpeak, speak, whenVoicesChange } from "../speak";
import { keep, setting } from "../store/settings";
import { noteAnswer } from "../sync/consent";
import { flush } from "../sync/flush";
import { instant } from "../sync/protocol";
import { button, go, type Screen, say } from "./frame";

/** Changes whenever the lines below do: the record says what was agreed to. */
export const CONSENT_VERSION = 2;

function lines(): [IconName, Message][] {
  return [
    ["phone", t("This app counts insects in your trap. It works on your phone, without a network.")],
    ["officer", t("If you agree, your counts go to your agriculture officers. They warn farmers near you.")],
    ["place", t("They see the district and village that you write. The app does not follow where you go.")],
    ["lock", t("The app does not ask your phone number. Your officer may ask what to call you.")],
    ["settings", t("You can stop at any time in Settings.")],
    ["adult", t("You must be 18 or older.")],
  ];
}

export async function consentScreen(): Promise<Screen> {
  const before = await setting("consent");
  const photos = (await setting("send_photos")) ?? false;
  const answers = { photos };
  const record = async (agreed: boolean): Promise<void> => {
    await keep("consent", { version: CONSENT_VERSION, at: instant(new Date()), locale: locale(), agreed });
    await keep("send_photos", agreed && answers.photos);
    await noteAnswer();
    void flush("asked");
    go(before ? "#/settings" : "#/");
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
  const photoQuestion = t(
    "May photos of the trap go too? They help to teach the counter. Your counts work without them.",
  );
  const listen = button("speaker", t("Listen"), {
    testid: "listen",
    look: "quiet",
    onclick: () => speak([...lines().map(([, words]) => words), photoQuestion]),
  });
  const offerVoice = (): void => {
    listen.hidden = !canSpeak(locale());
  };
  offerVoice();
  whenVoicesChange(offerVoice);
  return {
    testid: "consent",
    title: t("Before you start"),
    back: before ? "#/settings" : "#/language",
    body: [
      listen,
      h(
        "ul",
        { class: "lines" },
        lines().map(([picture, words]) => h("li", {}, icon(picture), h("span", {}, words))),
      ),
      h(
        "section",
        { class: "card" },
        h("p", { class: "question" }, icon("camera"), h("span", {}, photoQuestion)),
        h("div", { class: "two" }, yes, no),
      ),
      h(
        "div",
        { class: "stack" },
        button("check", t("I agree"), { testid: "consent-agree", look: "main", onclick: () => record(true) }),
        button("phone", t("No. Keep everything on this phone"), {
          testid: "consent-decline",
          onclick: () => record(false),
        }),
        button("adult", t("I am not 18 yet"), {
          testid: "consent-minor",
          look: "quiet",
          onclick: async () => {
            await record(false);
            say(t("Use this app with an adult of your family. Nothing is sent; your counts stay on this phone."));
          },
        }),
      ),
    ],
  };
}
