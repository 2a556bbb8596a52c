/** The frame around every screen: title, way back, three tabs with the number that waits, and a voice for screen readers. */

import { type Child, fillWith, h } from "../elements";
import { type Message, number, t } from "../i18n";
import { type IconName, icon } from "../icons";
import { hush } from "../speak";
import { waitingCount } from "../store/outbox";

export interface Screen {
  testid: string;
  /** A sentence of ours, or a name that the farmer gave. */
  title: Message | string;
  body: Child;
  /** Where the arrow leads; none on the three tabs and before consent. */
  back?: string;
  tab?: "traps" | "outbox" | "settings";
  /** Stops what must not go on when the screen is left. */
  leave?: () => void;
}

const app = (): HTMLElement => document.getElementById("app") as HTMLElement;
let leaveCurrent: (() => void) | undefined;

/** Puts a screen up. Focus goes to its title, so that a screen reader reads where one is. */
export function show(screen: Screen, { keepScroll = false } = {}): void {
  leaveCurrent?.();
  hush();
  leaveCurrent = screen.leave;
  document.title = `${screen.title} · pestwatch`;
  const heading = h("h1", { tabindex: -1 }, screen.title);
  const back = screen.back
    ? h("a", { class: "back", href: screen.back, testid: "back", "aria-label": t("Back") }, icon("back"))
    : null;
  const scroll = window.scrollY;
  app().replaceChildren(
    h("header", { class: "top" }, back, heading),
    h("main", { testid: `screen-${screen.testid}` }, screen.body),
    ...(screen.tab ? [tabs(screen.tab)] : []),
  );
  window.scrollTo(0, keepScroll ? scroll : 0);
  if (!keepScroll) heading.focus({ preventScroll: true });
}

function tabs(current: NonNullable<Screen["tab"]>): HTMLElement {
  const waiting = h("span", { class: "badge", testid: "waiting-badge", hidden: true });
  void waitingCount().then((n) => {
    waiting.hidden = n === 0;
    fillWith(waiting, number(n));
  });
  const tab = (name: NonNullable<Screen["tab"]>, href: string, picture: IconName, words: Message, extra?: Child) =>
    h(
      "a",
      { href, class: "tab", testid: `tab-${name}`, "aria-current": name === current ? "page" : null },
      h("span", { class: "tab-picture" }, icon(picture), extra),
      h("span", {}, words),
    );
  return h(
    "nav",
    { class: "tabs" },
    tab("traps", "#/", "traps", t("My traps")),
    tab("outbox", "#/outbox", "outbox", t("Sending"), waiting),
    tab("settings", "#/settings", "settings", t("Settings")),
  );
}

/** Says something to everybody, and reads it to those who cannot see it. */
export function say(message: Message): void {
  const region = document.getElementById("live") as HTMLElement;
  region.replaceChildren();
  fillWith(region, message);
  region.classList.add("shown");
  window.setTimeout(() => region.classList.remove("shown"), 4000);
}

export const go = (hash: string): void => {
  location.hash = hash;
};

/** Goes on without leaving the present screen behind for the back button. */
export const goInstead = (hash: string): void => location.replace(hash);

const REDRAW = "pestwatch-redraw";

/** Draws the present screen anew, from what is stored by now. */
export const redraw = (): void => void window.dispatchEvent(new Event(REDRAW));
export const onRedraw = (listener: () => void): void => window.addEventListener(REDRAW, listener);

interface ButtonOptions {
  testid: string;
  look?: "main" | "plain" | "quiet" | "danger";
  onclick?: (event: MouseEvent) => unknown;
  href?: string;
  pressed?: boolean;
}

/** A button, or a link that looks like one: always a picture and words. */
export function button(picture: IconName | null, words: Message, options: ButtonOptions): HTMLElement {
  const { testid, look = "plain", onclick, href, pressed } = options;
  const inside = [picture && icon(picture), h("span", {}, words)];
  if (href) return h("a", { class: `button ${look}`, href, testid, onclick }, inside);
  return h(
    "button",
    {
      type: "button",
      class: `button ${look}`,
      testid,
      onclick,
      "aria-pressed": pressed === undefined ? null : String(pressed),
    },
    inside,
  );
}

/** A sentence that deserves a look, with its picture. */
export function notice(
  look: "plain" | "doubt" | "trouble" | "good",
  picture: IconName,
  testid: string,
  ...words: Child[]
): HTMLElement {
  return h(
    "div",
    { class: `notice ${look}`, testid, role: look === "trouble" ? "alert" : null },
    icon(picture),
    h("div", {}, words),
  );
}
