import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import {
  type Catalogue,
  catalogueKey,
  dateText,
  LOCALES,
  latinDigits,
  number,
  preferredLocale,
  setCatalogue,
  t,
  tc,
  timeText,
  tn,
} from "../src/i18n";

const HINDI: Catalogue = {
  locale: "hi",
  plural: { nplurals: 2, rule: "n > 1" },
  status: "unreviewed",
  messages: {
    [catalogueKey("Save")]: "सहेजें",
    [catalogueKey("Trap %(number)s")]: "ट्रैप %(number)s",
    [catalogueKey("%(n)s insect")]: ["%(n)s कीट", "%(n)s कीट (बहु)"],
    [catalogueKey("crop\u0004Other")]: "अन्य",
  },
};
const MARATHI: Catalogue = { ...HINDI, locale: "mr", plural: { nplurals: 2, rule: "n != 1" } };
const ENGLISH: Catalogue = { locale: "en", plural: { nplurals: 2, rule: "n != 1" }, status: "source", messages: {} };

afterEach(() => setCatalogue(ENGLISH));

describe("a sentence", () => {
  test("is said in the chosen language, its places filled", () => {
    setCatalogue(HINDI);
    expect(t("Trap %(number)s", { number: 1234567 })).toMatchObject({ text: "ट्रैप 12,34,567", locale: "hi" });
    expect(tc("crop", "Other").text).toBe("अन्य");
  });

  test("without a translation stays English, and says so", () => {
    setCatalogue(HINDI);
    expect(t("Send now")).toMatchObject({ text: "Send now", locale: "en" });
  });

  test("keeps a place that nobody filled, rather than saying undefined", () => {
    expect(t("Trap %(number)s").text).toBe("Trap %(number)s");
  });
});

describe("a number of things", () => {
  test.each([
    ["hi", HINDI, 0, "0 कीट"],
    ["hi", HINDI, 1, "1 कीट"],
    ["hi", HINDI, 2, "2 कीट (बहु)"],
    ["mr", MARATHI, 0, "0 कीट (बहु)"],
    ["mr", MARATHI, 1, "1 कीट"],
    ["en", ENGLISH, 0, "0 insects"],
    ["en", ENGLISH, 1, "1 insect"],
  ])("in %s takes the plural rule of the catalogue's own header", (_, catalogue, n, expected) => {
    setCatalogue(catalogue);
    expect(tn("%(n)s insect", "%(n)s insects", n).text).toBe(expected);
  });
});

test("a sentence has the key under which the catalogue was written", () => {
  const compiled = JSON.parse(readFileSync("public/i18n/hi.json", "utf-8")) as Catalogue;
  for (const sentence of ["Save", "Hold still", "Nothing was counted"]) {
    expect(compiled.messages[catalogueKey(sentence)], sentence).toBeTruthy();
  }
  // FNV-1a over code units, beyond Latin too; the twin's test holds the same numbers.
  expect([catalogueKey(""), catalogueKey("Save"), catalogueKey("crop\u0004Other – ’")]).toEqual([
    "1c9d44",
    "2d5d25",
    "75321c",
  ]);
});

describe("numbers and dates", () => {
  const locales = Object.keys(LOCALES);

  test.each(locales)(
    "are the same Latin digits in %s, and the day comes first, with the month by its name",
    (locale) => {
      const catalogue = JSON.parse(readFileSync(`public/i18n/${locale}.json`, "utf-8")) as Catalogue;
      setCatalogue(catalogue);
      expect(number(1234567.56)).toBe("12,34,567.6");
      expect(catalogue.months).toHaveLength(12);
      expect(dateText(new Date(2026, 3, 3))).toBe(`3 ${catalogue.months?.[3]} 2026`);
      expect(dateText(new Date(2026, 3, 3), "short")).toBe(`3 ${catalogue.months?.[3]}`);
      expect(dateText(new Date(2026, 10, 5))).toMatch(/^5 \P{N}+ 2026$/u);
      expect(timeText(new Date(2026, 10, 5, 15, 5))).toMatch(/^3:05.pm$/i);
    },
  );

  test.each(locales)("and the plural rule of %s is one that the phone knows", (locale) => {
    const { plural } = JSON.parse(readFileSync(`public/i18n/${locale}.json`, "utf-8")) as Catalogue;
    setCatalogue({ ...HINDI, locale, plural });
    const isOneForNone = ["hi", "gu", "kn", "pa", "bn"].includes(locale);
    expect(tn("%(n)s insect", "%(n)s insects", 0).text).toBe(isOneForNone ? "0 कीट" : "0 कीट (बहु)");
    expect(tn("%(n)s insect", "%(n)s insects", 1).text).toBe("1 कीट");
    expect(tn("%(n)s insect", "%(n)s insects", 2).text).toBe("2 कीट (बहु)");
  });

  test("are read in any Indian script", () => {
    for (const zero of "०০੦૦୦௦౦೦") {
      const typed = Array.from({ length: 10 }, (_, n) => String.fromCharCode(zero.charCodeAt(0) + n)).join("");
      expect(latinDigits(`${typed} a`)).toBe("0123456789 a");
    }
  });

  test("of a catalogue from before the months came with it are English", () => {
    setCatalogue(HINDI);
    expect(dateText(new Date(2026, 10, 5))).toBe("5 November 2026");
  });
});

test("the phone's own language comes first, when it is one of ours", () => {
  expect(preferredLocale(["ml-IN", "te-IN", "en-US"])).toBe("te");
  expect(preferredLocale(["fr-FR"])).toBeNull();
});
