/** The phone's advice agrees with the server's on every golden case. */

import { describe, expect, it } from "vitest";
import cases from "../../tests/golden/advice.json" with { type: "json" };
import type { Reading } from "../src/advice/reading";
import { advise } from "../src/advice/rules";

describe("advice", () => {
  for (const golden of cases) {
    it(golden.name, () => {
      const advice = advise({
        pest: golden.pest,
        crop: golden.crop,
        readings: golden.readings as Reading[],
        now: new Date(golden.now),
        state: golden.state,
        inspections: golden.inspections,
        lureLifeDays: golden.lure_life_days,
      });
      expect(advice).toEqual(golden.advice);
    });
  }
});
