/** Enrolment: six digits that the officer reads over the telephone, or the letters of a QR code. */

import { type Child, h } from "../elements";
import { t } from "../i18n";
import { icon } from "../icons";
import type { Asking } from "../store/database";
import { forget, setting } from "../store/settings";
import { ask, tidyCode } from "../sync/enrol";
import { flush } from "../sync/flush";
import { button, goInstead, notice, redraw, type Screen, say } from "./frame";
import { listenButton } from "./listen";

const DIGITS = 6;
/** How often a phone that shows this screen asks whether the officer has said yes: 100 bytes each time. */
const POLL_MS = 4_000;
const LONGEST_NAME = 60;

export async function enrolScreen(): Promise<Screen> {
  const [consent, enrolment, asking, problem] = await Promise.all([
    setting("consent"),
    setting("enrolment"),
    setting("asking"),
    setting("last_problem"),
  ]);
  const poll = asking && window.setInterval(() => void proceed(asking), POLL_MS);
  return {
    testid: "enrol",
    title: t("Enrolment"),
    back: "#/settings",
    leave: () => window.clearInterval(poll),
    body: [
      enrolment?.state === "active" && !asking && notice("good", "check", "enrolled", t("This phone is enrolled.")),
      !consent?.agreed && notice("doubt", "lock", "no-consent", t("You chose to keep everything on this phone.")),
      problem && notice("trouble", "watch", "sync-problem", t(problem.message, problem.params)),
      asking ? waiting(asking) : forms(),
      h("p", { class: "quiet" }, t("Counting works without it.")),
    ],
  };
}

/** Uses the code, or asks what became of it, and shows the outcome once there is one. */
async function proceed(before: Asking | undefined): Promise<void> {
  // Without a network it waits longer and longer, like everything else.
  const { state } = await flush((await setting("back_off")) ? "automatic" : "asked");
  const asking = await setting("asking");
  if (state === "sent" && !asking) {
    say(t("This phone is enrolled."));
    goInstead("#/settings");
  } else if (asking?.state !== before?.state || asking?.token !== before?.token) {
    redraw();
  }
}

function waiting(asking: Asking): Child {
  const isWithOfficer = asking.state === "waiting";
  return [
    notice(
      isWithOfficer ? "plain" : "doubt",
      isWithOfficer ? "officer" : "clock",
      "enrol-waiting",
      isWithOfficer
        ? [
            h("p", {}, t("Your officer is asked. Wait for a yes.")),
            h("p", {}, h("strong", { class: "asked-name" }, asking.name)),
          ]
        : t("The code is used as soon as there is a network."),
    ),
    button("back", t("Use another code"), {
      testid: "enrol-again",
      onclick: async () => {
        await forget("asking");
        redraw();
      },
    }),
  ];
}

/** First the digits, then the name; whoever has a code of letters finds its field below. */
function forms(): Child {
  const name = h("input", { type: "text", maxlength: LONGEST_NAME, autocomplete: "name", testid: "enrol-name" });
  const named = h(
    "form",
    {
      class: "card",
      hidden: true,
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        if (name.value.trim()) void use(code.digits(), name.value.trim());
      },
    },
    h("label", { class: "written" }, h("span", {}, t("What shall your officer call you?")), name),
    h(
      "button",
      { type: "submit", class: "button main", testid: "enrol-ask" },
      icon("officer"),
      h("span", {}, t("Ask the officer")),
    ),
  );
  const code = numberPad((isWhole) => {
    named.hidden = !isWhole;
    code.pad.hidden = isWhole;
    if (isWhole) name.focus();
  });
  const heading = t("Type the six digits that your officer reads to you.");
  const asked = h("p", {}, heading);
  return [
    h(
      "section",
      { class: "card digits" },
      asked,
      listenButton(() => [{ message: heading, element: asked }]),
      code.row,
      code.pad,
    ),
    named,
    letters(),
  ];
}

/** Six boxes and a pad of large keys: gloves hit them, and no keyboard covers the screen. */
function numberPad(onChange: (isWhole: boolean) => void): {
  row: HTMLElement;
  pad: HTMLElement;
  digits: () => string;
} {
  let typed = "";
  const boxes = h("output", { class: "boxes", testid: "enrol-digits" });
  const change = (next: string): void => {
    typed = next.slice(0, DIGITS);
    boxes.replaceChildren(...Array.from({ length: DIGITS }, (_, place) => h("span", {}, typed[place] ?? "")));
    boxes.setAttribute("aria-label", [...typed].join(" "));
    onChange(typed.length === DIGITS);
  };
  const key = (digit: number): HTMLElement =>
    h(
      "button",
      { type: "button", class: "button key", testid: `key-${digit}`, onclick: () => change(typed + digit) },
      String(digit),
    );
  const erase = h(
    "button",
    {
      type: "button",
      class: "button erase",
      testid: "key-erase",
      "aria-label": t("Delete the last digit"),
      onclick: () => change(typed.slice(0, -1)),
    },
    icon("back"),
  );
  const pad = h("div", { class: "pad" }, [1, 2, 3, 4, 5, 6, 7, 8, 9].map(key), h("span"), key(0));
  boxes.replaceChildren(...Array.from({ length: DIGITS }, () => h("span")));
  return { row: h("div", { class: "boxes-row" }, boxes, erase), pad, digits: () => typed };
}

function letters(): HTMLElement {
  const input = h("input", {
    type: "text",
    class: "code",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    maxlength: 24,
    testid: "enrol-code",
    lang: "en",
  });
  return h(
    "details",
    { class: "card", testid: "enrol-letters" },
    h("summary", {}, t("My code has letters")),
    h(
      "form",
      {
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          const code = tidyCode(input.value);
          if (code) void use(code, null);
        },
      },
      h("label", { class: "written" }, h("span", {}, t("The code from your officer")), input),
      h(
        "button",
        { type: "submit", class: "button main", testid: "enrol-submit" },
        icon("check"),
        h("span", {}, t("Use the code")),
      ),
    ),
  );
}

async function use(code: string, name: string | null): Promise<void> {
  await ask(code, name);
  redraw();
  await proceed(await setting("asking"));
}
