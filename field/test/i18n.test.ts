import { afterEach, describe, expect, test } from "vitest";
import { type Catalogue, dateText, number, preferredLocale, setCatalogue, t, tc, tn } from "../src/i18n";

const HINDI: Catalogue = {
  locale: "hi",
  plural: { nplurals: 2, rule: "n > 1" },
  status: "unreviewed",
  messages: {
    Save: "सहेजें",
    "Trap %(number)s": "ट्रैप %(number)s",
    "%(n)s insect": ["%(n)s कीट", "%(n)s कीट (बहु)"],
    "crop\u0004Other": "अन्य",
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

describe("digits and dates", () => {
  test.each(["en", "hi", "mr", "te"])("are Latin and day first in %s", (locale) => {
    setCatalogue({ ...HINDI, locale });
    expect(number(1234.5)).toBe("1,234.5");
    expect(dateText(new Date(2026, 10, 5))).toMatch(/^5 [^\d]+ 2026$/);
  });
});

test("the phone's own language comes first, when it is one of ours", () => {
  expect(preferredLocale(["ta-IN", "te-IN", "en-US"])).toBe("te");
  expect(preferredLocale(["fr-FR"])).toBeNull();
});
