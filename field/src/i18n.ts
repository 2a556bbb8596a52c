/**
 * The words on the screen: catalogue of the chosen language, plurals, numbers and dates.
 *
 * The English sentence is the key, as a hash in the catalogue. A sentence without a translation stays English and says so
 * (`Message.locale`), so that nobody takes it for their own language. Catalogues come from `pestwatch catalogs compile`.
 */

import { fnv1a } from "./fnv1a";

export type Locale = "en" | "hi" | "mr" | "gu" | "te" | "kn" | "ta" | "pa" | "or" | "bn";

/** Each language by its own name, in its own script. */
export const LOCALES: Record<Locale, string> = {
  hi: "हिन्दी",
  mr: "मराठी",
  gu: "ગુજરાતી",
  te: "తెలుగు",
  kn: "ಕನ್ನಡ",
  ta: "தமிழ்",
  pa: "ਪੰਜਾਬੀ",
  or: "ଓଡ଼ିଆ",
  bn: "বাংলা",
  en: "English",
};

export interface Catalogue {
  locale: string;
  plural: { nplurals: number; rule: string };
  status: "source" | "unreviewed" | "reviewed";
  /** January to December; a catalogue of an older app has none. */
  months?: string[];
  /** `catalogueKey` of the English sentence -> its translation, or the forms for one and for many. */
  messages: Record<string, string | string[]>;
}

export type Params = Record<string, string | number | Message>;

/** Words of a sentence, or what was put between them. */
export type Part = string | number | Message;

/** A sentence and the language that it is really in. */
export class Message {
  readonly text: string;
  readonly locale: string;
  /** What the text was put together from: a voice says numbers by clips of their own. */
  readonly parts: readonly Part[];

  constructor(parts: readonly Part[], locale: string) {
    this.text = parts.map((part) => (typeof part === "number" ? number(part) : String(part))).join("");
    this.locale = locale;
    this.parts = parts;
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

/**
 * One form of numbers for all languages, 12,34,567.5: Latin digits, as on prices, scales, keypads and in SMS. What a
 * phone knows of a language differs: Chrome has no Odia, writes Bengali digits for bn and groups Kannada by thousands.
 */
const NUMBERS = new Intl.NumberFormat("en-IN", { maximumFractionDigits: 1 });

let catalogue: Catalogue = SOURCE;

export const locale = (): string => catalogue.locale;
export const catalogueStatus = (): Catalogue["status"] => catalogue.status;

/** Speaks from now on with this catalogue. */
export function setCatalogue(next: Catalogue): void {
  catalogue = next;
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
  return NUMBERS.format(n);
}

/** What a person typed, with the digits of any Indian script made Latin: keyboards follow the language. */
export function latinDigits(typed: string): string {
  // Each script's ten digits follow one another, and begin at a code that ends in 6.
  return typed.replace(/[०-९০-৯੦-੯૦-૯୦-୯௦-௯౦-౯೦-೯]/g, (digit) => String((digit.charCodeAt(0) - 6) % 16));
}

function fill(template: string, params: Params): Part[] {
  // Split by the places, every other one is the name of a place.
  return template.split(/%\((\w+)\)s/).map((part, i) => (i % 2 ? (params[part] ?? `%(${part})s`) : part));
}

/** What stands for an English sentence in a catalogue: its hash, folded to 24 bits. Twin: `phone_key` in pestwatch/catalogs.py. */
export function catalogueKey(sentence: string): string {
  const key = fnv1a(sentence);
  return ((key >>> 24) ^ (key & 0xffffff)).toString(16);
}

/** The sentence in the chosen language, its %(name)s filled. */
export function t(sentence: string, params: Params = {}): Message {
  const found = catalogue.messages[catalogueKey(sentence)];
  const translated = Array.isArray(found) ? found[0] : found;
  if (translated) return new Message(fill(translated, params), catalogue.locale);
  return new Message(fill(sentence, params), "en");
}

/** The same under a context, for a word that means two things. */
export function tc(context: string, sentence: string, params: Params = {}): Message {
  const found = catalogue.messages[catalogueKey(`${context}\u0004${sentence}`)];
  if (typeof found === "string" && found) return new Message(fill(found, params), catalogue.locale);
  return new Message(fill(sentence, params), "en");
}

/** Marks a sentence that is to be heard: a clip of it is made wherever it is translated. */
export const aloud = (message: Message): Message => message;

/** The sentence for one or for many; `%(n)s` is the number. */
export function tn(one: string, other: string, n: number, params: Params = {}): Message {
  const filled = { n, ...params };
  const forms = catalogue.messages[catalogueKey(one)];
  const rule = PLURAL_RULES[catalogue.plural.rule] ?? ((count: number) => (count === 1 ? 0 : 1));
  const form = Array.isArray(forms) ? forms[rule(n)] : undefined;
  if (form) return new Message(fill(form, filled), catalogue.locale);
  return new Message(fill(n === 1 ? one : other, filled), "en");
}

/**
 * Day, name of the month, year, in this order everywhere: nobody can misread it. The names come with the catalogue:
 * Chrome would write "M11" in Punjabi. `short`: a day of these weeks, without the year.
 */
export function dateText(date: Date, length: "long" | "short" = "long"): string {
  const month = catalogue.months?.[date.getMonth()] ?? new Intl.DateTimeFormat("en", { month: "long" }).format(date);
  return `${date.getDate()} ${month}${length === "long" ? ` ${date.getFullYear()}` : ""}`;
}

/** Hours and minutes on the clock of twelve hours that phones in India show, in digits that everybody reads. */
export function timeText(date: Date): string {
  return new Intl.DateTimeFormat("en-IN", { hour: "numeric", minute: "2-digit", hour12: true }).format(date);
}
