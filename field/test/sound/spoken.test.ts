import { afterEach, describe, expect, test } from "vitest";
import { catalogueKey, Message, setCatalogue, t, tn } from "../../src/i18n";
import { clipsOf, keyOf, numberParts } from "../../src/sound/spoken";
import { goldenJson } from "../golden";

interface Golden {
  keys: { text: string; key: string }[];
  pieces: { template: string; pieces: string[] }[];
  numbers: { n: number; parts: number[] | null }[];
}

const golden = goldenJson<Golden>("spoken.json");
const AGAIN = "The catch is low. Count again in %(days)s days.";
const english = { locale: "en", plural: { nplurals: 2, rule: "n != 1" }, status: "source", messages: {} } as const;
const hindi = { ...english, locale: "hi", messages: { [catalogueKey(AGAIN)]: "कम। %(days)s दिन बाद।" } };

afterEach(() => setCatalogue(english));

const keysOf = (message: Message): (string | undefined)[] | undefined => clipsOf(message)?.map(({ key }) => key);

describe("a clip is found", () => {
  test.each(golden.keys)("by the key of its text: $text", ({ text, key }) => {
    expect(keyOf(text)).toBe(key);
  });

  test.each(golden.pieces)("for each piece of: $template", ({ template, pieces }) => {
    const places = Object.fromEntries([...template.matchAll(/%\((\w+)\)s/g)].map(([, name]) => [name, 7]));
    const spoken = keysOf(t(template, places))?.filter((key) => key !== keyOf("7"));
    expect(spoken).toEqual(pieces.map(keyOf));
  });
});

describe("a number is put together", () => {
  test.each(golden.numbers)("$n", ({ n, parts }) => {
    expect(numberParts(n)).toEqual(parts);
  });
});

describe("a sentence", () => {
  test("is said with its number where it stands", () => {
    setCatalogue(hindi);
    expect(clipsOf(t(AGAIN, { days: 104 }))).toEqual(
      ["कम।", "100", "4", "दिन बाद।"].map((text) => ({ locale: "hi", key: keyOf(text) })),
    );
  });

  test("that fell back to English is asked for in English", () => {
    setCatalogue(hindi);
    expect(clipsOf(t("Listen"))).toEqual([{ locale: "en", key: keyOf("Listen") }]);
  });

  test("keeps the language of what is put into it", () => {
    setCatalogue(hindi);
    const inside = new Message(["Cotton"], "en");
    expect(clipsOf(t(AGAIN, { days: inside }))?.map(({ locale }) => locale)).toEqual(["hi", "en", "hi"]);
  });

  test("of one and of many has the words of each", () => {
    expect(keysOf(tn("%(n)s insect", "%(n)s insects", 1))).toEqual([keyOf("1"), keyOf("insect")]);
    expect(keysOf(tn("%(n)s insect", "%(n)s insects", 12))).toEqual([keyOf("12"), keyOf("insects")]);
  });

  test("with something that has no clip is left whole to the phone's own voice", () => {
    expect(clipsOf(t("Insects each night: %(rate)s", { rate: 2.5 }))).toBeNull();
  });
});
