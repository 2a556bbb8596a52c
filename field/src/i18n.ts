/**
 * The words on the screen: catalogue of the chosen language, plurals, numbers and dates.
 *
 * The English sentence is the key. A sentence without a translation stays English and says so (`Message.locale`),
 * so that nobody takes it for their own language. Catalogues come from `pestwatch catalogs compile`.
 */

export type Locale = "en" | "hi" | "mr" | "te";

/** Each language by its own name, in its own script. */
export const LOCALES: Record<Locale, string> = { hi: "हिन्दी", mr: "मराठी", te: "తెలుగు", en: "English" };

export interface Catalogue {
  locale: string;
  plural: { nplurals: number; rule: string };
  status: "source" | "unreviewed" | "reviewed";
  messages: Record<string, string | string[]>;
}

export type Params = Record<string, string | number | Message>;

/** A sentence and the language that it is really in. */
export class Message {
  readonly text: string;
  readonly locale: string;

  constructor(text: string, locale: string) {
    this.text = text;
    this.locale = locale;
  }

  toString(): string {
    return this.text;
  }
}

const SOURCE: Catalogue = { locale: "en", plural: { nplurals: 2, rule: "n != 1" }, status: "source", messages: {} };

/** The plural rules that catalogue headers may name: a page under our CSP cannot evaluate an expression. */
const PLURAL_RULES: Record<string, (n: number) => number> = {
  "n != 1": (n) => (n === 1 ? 0 : 1),
  "n > 1": (n) => (n > 1 ? 1 : 0),
};

let catalogue: Catalogue = SOURCE;
let numbers = numberFormat("en");

// Latin digits in every language: that is how prices, phones and scales are read, and ICU would mix them.
function numberFormat(locale: string): Intl.NumberFormat {
  return new Intl.NumberFormat(`${locale}-IN-u-nu-latn`, { maximumFractionDigits: 1 });
}

export const locale = (): string => catalogue.locale;
export const catalogueStatus = (): Catalogue["status"] => catalogue.status;

/** Speaks from now on with this catalogue. */
export function setCatalogue(next: Catalogue): void {
  catalogue = next;
  numbers = numberFormat(next.locale);
}

/** Whether this is one of our languages; an older app may meet a newer one's choice. */
export const isKnownLocale = (wanted: string): wanted is Locale => Object.keys(LOCALES).includes(wanted);

/** Loads a language; offline it comes from the service worker's cache, and without it English stays. */
export async function loadLocale(wanted: string): Promise<void> {
  if (wanted === "en" || !isKnownLocale(wanted)) {
    setCatalogue(SOURCE);
    return;
  }
  try {
    const response = await fetch(`i18n/${wanted}.json`);
    if (!response.ok) throw new Error(`no catalogue for ${wanted}: ${response.status}`);
    setCatalogue((await response.json()) as Catalogue);
  } catch {
    setCatalogue({ ...SOURCE, locale: wanted, status: "unreviewed" });
  }
}

/** The language that the phone asks for, if it is one of ours. */
export function preferredLocale(asked: readonly string[]): Locale | null {
  for (const tag of asked) {
    const language = tag.split("-")[0] ?? "";
    if (isKnownLocale(language)) return language;
  }
  return null;
}

export function number(n: number): string {
  return numbers.format(n);
}

function fill(template: string, params: Params): string {
  return template.replace(/%\((\w+)\)s/g, (placeholder, name: string) => {
    const value = params[name];
    if (value === undefined) return placeholder;
    return typeof value === "number" ? number(value) : String(value);
  });
}

/** The sentence in the chosen language, its %(name)s filled. */
export function t(sentence: string, params: Params = {}): Message {
  const found = catalogue.messages[sentence];
  const translated = Array.isArray(found) ? found[0] : found;
  if (translated) return new Message(fill(translated, params), catalogue.locale);
  return new Message(fill(sentence, params), "en");
}

/** The same under a context, for a word that means two things. */
export function tc(context: string, sentence: string, params: Params = {}): Message {
  const found = catalogue.messages[`${context}\u0004${sentence}`];
  if (typeof found === "string" && found) return new Message(fill(found, params), catalogue.locale);
  return new Message(fill(sentence, params), "en");
}

/** The sentence for one or for many; `%(n)s` is the number. */
export function tn(one: string, other: string, n: number, params: Params = {}): Message {
  const filled = { n, ...params };
  const forms = catalogue.messages[one];
  const rule = PLURAL_RULES[catalogue.plural.rule] ?? ((count: number) => (count === 1 ? 0 : 1));
  const form = Array.isArray(forms) ? forms[rule(n)] : undefined;
  if (form) return new Message(fill(form, filled), catalogue.locale);
  return new Message(fill(n === 1 ? one : other, filled), "en");
}

/** Day, name of the month, year, in this order everywhere: nobody can misread it. `short`: a day of these weeks. */
export function dateText(date: Date, length: "long" | "short" = "long"): string {
  const format = new Intl.DateTimeFormat(`${catalogue.locale}-IN-u-nu-latn-ca-gregory`, {
    day: "numeric",
    month: length,
    year: "numeric",
  });
  const parts = Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
  return `${parts.day} ${parts.month}${length === "long" ? ` ${parts.year}` : ""}`;
}

/** Hours and minutes on the clock that the phone shows. */
export function timeText(date: Date): string {
  return new Intl.DateTimeFormat(`${catalogue.locale}-IN-u-nu-latn`, { hour: "2-digit", minute: "2-digit" }).format(
    date,
  );
}
