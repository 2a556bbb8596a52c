/** Settings: language, enrolment, what may be sent, which model counts, and whether the counts are kept safe. */

import { type Child, h } from "../elements";
import { catalogueStatus, LOCALES, type Locale, locale, type Message, t } from "../i18n";
import { type IconName, icon } from "../icons";
import { room } from "../store/room";
import { keep, setting } from "../store/settings";
import { noteAnswer } from "../sync/consent";
import { flush } from "../sync/flush";
import { connection } from "../sync/link";
import type { PhotosGo } from "../sync/photo-policy";
import { instant } from "../sync/protocol";
import { placesByState } from "../trap/places";
import { button, go, redraw, type Screen } from "./frame";
import { loadedWords, modelRow } from "./model-row";
import { sizeRow } from "./size-row";
import { voiceRow } from "./voice-row";

function row(picture: IconName, testid: string, ...words: Child[]): HTMLElement {
  return h("section", { class: "card setting", testid }, icon(picture), h("div", {}, words));
}

const file = (): Promise<typeof import("./put-back")> => import("./put-back");
export const askAboutFile = async (): Promise<void> => (await file()).askAboutFile();

/** @param which `put-back` is the screen behind the button for a saved file */
export async function settingsScreen(which: string): Promise<Screen> {
  if (which === "put-back") return (await file()).putBackScreen();
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
      await loadedWords("loaded_app"),
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
    enrolled && h("p", { testid: "enrolment-region", lang: "en" }, h("strong", {}, await nameOf(enrolled.region))),
    enrolled?.state !== "active" && button("officer", t("Enter the code"), { testid: "open-enrol", href: "#/enrol" }),
  );
}

/** A district's name as the app's list writes it; its code where that is not here. */
async function nameOf(region: string): Promise<string> {
  const districts = (await placesByState()).flatMap((state) => state.districts);
  return districts.find(({ id }) => id === region)?.name ?? region;
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
    await photosGo(),
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

/** When photos may go, and whether this browser can tell at all. */
async function photosGo(): Promise<Child> {
  const now = (await setting("photos_go")) ?? "wifi";
  const choose = async (go: PhotosGo): Promise<void> => {
    await keep("photos_go", go);
    wifi.setAttribute("aria-pressed", String(go === "wifi"));
    asked.setAttribute("aria-pressed", String(go === "asked"));
  };
  const option = (value: PhotosGo, picture: IconName, words: Message): HTMLElement =>
    button(picture, words, { testid: `photos-go-${value}`, pressed: now === value, onclick: () => choose(value) });
  const wifi = option("wifi", "outbox", t("Only over Wi-Fi"));
  const asked = option("asked", "hand", t("Only when I ask"));
  return [
    h("p", {}, t("When may photos go?")),
    h("div", { class: "two" }, wifi, asked),
    connection()?.type === undefined &&
      h(
        "p",
        { class: "quiet", testid: "link-unknown" },
        t("This browser does not tell Wi-Fi from mobile data. Photos wait until you send them."),
      ),
  ];
}

async function storage(): Promise<HTMLElement> {
  const { isPersistent, used } = await room();
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
    h("p", { class: "quiet" }, t("Room used: %(used)s MB", { used: (used / 1e6).toFixed(1) })),
    !isPersistent &&
      button("lock", t("Keep it safe"), {
        testid: "persist",
        onclick: async () => {
          await navigator.storage?.persist?.();
          redraw();
        },
      }),
    button("file", t("Put back from a file"), { testid: "open-put-back", href: "#/put-back" }),
  );
}
