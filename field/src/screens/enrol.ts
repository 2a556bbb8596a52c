/** Enrolment: the code from the officer, by QR or typed. */

import { h } from "../elements";
import { t } from "../i18n";
import { icon } from "../icons";
import { keep, setting } from "../store/settings";
import { tidyCode } from "../sync/enrol";
import { flush } from "../sync/flush";
import { goInstead, notice, type Screen, say } from "./frame";

export async function enrolScreen(): Promise<Screen> {
  const [consent, enrolment, pending, problem] = await Promise.all([
    setting("consent"),
    setting("enrolment"),
    setting("pending_code"),
    setting("last_problem"),
  ]);
  const input = h("input", {
    type: "text",
    class: "code",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    maxlength: 24,
    value: pending ?? "",
    testid: "enrol-code",
    lang: "en",
  });
  const submit = h(
    "button",
    { type: "submit", class: "button main", testid: "enrol-submit" },
    icon("check"),
    h("span", {}, t("Use the code")),
  );
  const use = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const code = tidyCode(input.value);
    if (code === "") return;
    submit.disabled = true;
    await keep("pending_code", code);
    const { state, problem: reason } = await flush("asked");
    submit.disabled = false;
    if (reason) say(t(reason.message, reason.params));
    if (state === "sent") say(t("This phone is enrolled."));
    goInstead("#/settings");
  };
  return {
    testid: "enrol",
    title: t("Enrolment"),
    back: "#/settings",
    body: [
      enrolment?.state === "active" && notice("good", "check", "enrolled", t("This phone is enrolled.")),
      !consent?.agreed && notice("doubt", "lock", "no-consent", t("You chose to keep everything on this phone.")),
      problem && notice("trouble", "watch", "sync-problem", t(problem.message, problem.params)),
      h(
        "form",
        { class: "card", onsubmit: use },
        h("label", { class: "written" }, h("span", {}, t("The code from your officer")), input),
        submit,
      ),
      h("p", { class: "quiet" }, t("Counting works without it.")),
    ],
  };
}
