/** Builds elements: `h("p", { class: "big" }, t("Hello"))`. Text is text, never markup. */

import { locale, Message } from "./i18n";

export type Child = Node | Message | string | number | null | undefined | false | Child[];

type Value = string | number | boolean | Message | null | undefined | ((event: never) => unknown);
export type Attributes = Record<string, Value>;

/** Attributes by their HTML names, `testid` for data-testid, `onclick` and its like as listeners. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name === "testid" ? "data-testid" : name, value === true ? "" : String(value));
  }
  fillWith(element, ...children);
  return element;
}

export function fillWith(parent: Element, ...children: Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) fillWith(parent, ...child);
    else if (child instanceof Message) parent.append(...messageNodes(child));
    else parent.append(child instanceof Node ? child : String(child));
  }
}

/** A sentence that is still English among another language says so, to the eye and to a screen reader's voice. */
function messageNodes(message: Message): (Node | string)[] {
  if (message.locale === locale()) return [message.text];
  const tag = h("span", { class: "tag-en", "aria-hidden": "true" }, "EN");
  return [h("span", { lang: message.locale }, message.text), " ", tag];
}
