/** Settings: language, enrolment, what may be sent, which model counts, and whether the counts are kept safe. */

import { type Child, h } from "../elements";
import { catalogueStatus, LOCALES, type Locale, locale, number, t } from "../i18n";
import { type IconName, icon } from "../icons";
import { keep, setting } from "../store/settings";
import { noteAnswer } from "../sync/consent";
import { flush } from "../sync/flush";
import { instant } from "../sync/protocol";
import { button, go, redraw, type Screen } from "./frame";
import { modelRow } from "./model-row";
import { sizeRow } from "./size-row";
import { voiceRow } from "./voice-row";

function row(picture: IconName, testid: string, ...words: Child[]): HTMLElement {
  return h("section", { class: "card setting", testid }, icon(picture), h("div", {}, words));
}

export async function settingsScreen(): Promise<Screen> {
  return {
    testid: "settings",
    title: t("Settings"),
    tab: "settings",
    body: [
      row(
        "language",
        "setting-language",
        h("p", {}, h("strong", {}, LOCALES[locale() as Locale] ?? locale())),
        catalogueStatus() === "unreviewed" &&
          h("p", { class: "quiet" }, t("A native speaker has not checked this language yet.")),
        button("language", t("Change the language"), { testid: "change-language", href: "#/language" }),
      ),
      await voiceRow(row),
      await enrolment(),
      await sending(),
      await modelRow(row),
      await sizeRow(row),
      await storage(),
      h("p", { class: "quiet", testid: "app-version" }, `pestwatch ${__APP_VERSION__}`),
    ],
  };
}

async function enrolment(): Promise<HTMLElement> {
  const [enrolled, asking] = await Promise.all([setting("enrolment"), setting("asking")]);
  const words =
    enrolled?.state === "active"
      ? t("This phone is enrolled.")
      : enrolled?.state === "revoked"
        ? t("Your officers have stopped this phone. Ask them why. Your counts stay here.")
        : asking
          ? asking.state === "waiting"
            ? t("Your officer is asked. Wait for a yes.")
            : t("The code is used as soon as there is a network.")
          : t("This phone is not enrolled. Counting works; sending needs a code from your officer.");
  return row(
    "officer",
    "setting-enrolment",
    h("p", { testid: "enrolment-state", "data-state": enrolled?.state ?? (asking ? "pending" : "none") }, words),
    enrolled?.state !== "active" && button("officer", t("Enter the code"), { testid: "open-enrol", href: "#/enrol" }),
  );
}

/** Consent can be taken back as easily as it was given. */
async function sending(): Promise<HTMLElement> {
  const consent = await setting("consent");
  const photos = (await setting("send_photos")) ?? false;
  if (!consent?.agreed) {
    return row(
      "outbox",
      "setting-sending",
      h("p", {}, t("You chose to keep everything on this phone.")),
      button("next", t("Read and decide again"), { testid: "open-consent", href: "#/consent" }),
      await erasing(),
    );
  }
  const choose = async (send: boolean): Promise<void> => {
    await keep("send_photos", send);
    yes.setAttribute("aria-pressed", String(send));
    no.setAttribute("aria-pressed", String(!send));
  };
  const yes = button("check", t("Yes, send photos"), {
    testid: "photos-yes",
    pressed: photos,
    onclick: () => choose(true),
  });
  const no = button("cross", t("No photos"), { testid: "photos-no", pressed: !photos, onclick: () => choose(false) });
  return row(
    "outbox",
    "setting-sending",
    h("p", {}, t("May photos of the trap be sent?")),
    h("div", { class: "two" }, yes, no),
    button("cross", t("Stop sending"), {
      testid: "stop-sending",
      onclick: async () => {
        await keep("consent", { ...consent, at: instant(new Date()), agreed: false });
        await keep("send_photos", false);
        await noteAnswer();
        void flush("asked");
        go("#/outbox");
      },
    }),
  );
}

/** Whoever stopped may also have everything erased that was ever sent; asked twice, as there is no way back. */
async function erasing(): Promise<Child> {
  if (!(await setting("enrolment"))) return null;
  if ((await setting("consent_to_tell")) === "erase") {
    return h("p", { testid: "erase-waits" }, t("It is erased as soon as there is a network."));
  }
  const sure = button("cross", t("Yes, erase what I sent"), {
    testid: "erase-sure",
    look: "danger",
    onclick: async () => {
      await noteAnswer("erase");
      await flush("asked");
      redraw();
    },
  });
  sure.hidden = true;
  const first = button("cross", t("Erase what I sent"), {
    testid: "erase",
    onclick: () => {
      sure.hidden = false;
      first.hidden = true;
    },
  });
  return [first, sure];
}

async function storage(): Promise<HTMLElement> {
  const isPersistent = (await navigator.storage?.persisted?.()) ?? false;
  const { usage = 0, quota = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  const megabytes = (bytes: number): string => number(Math.round(bytes / 1e6));
  return row(
    "phone",
    "setting-storage",
    h(
      "p",
      { testid: "storage-state", "data-persistent": String(isPersistent) },
      isPersistent
        ? t("Your counts are kept safe on this phone.")
        : t("The phone may delete this app's data when it is full. Send often, or save a file."),
    ),
    quota > 0 &&
      h(
        "p",
        { class: "quiet" },
        t("Room used: %(used)s MB. Free: %(free)s MB.", { used: megabytes(usage), free: megabytes(quota - usage) }),
      ),
    !isPersistent &&
      button("lock", t("Keep it safe"), {
        testid: "persist",
        onclick: async () => {
          await navigator.storage?.persist?.();
          go("#/outbox");
        },
      }),
  );
}
