import { expect, test } from "vitest";
import { photoThreshold } from "../../src/count/threshold";
import { goldenJson } from "../golden";

interface Vector {
  values: number[];
  usual_q: number;
  share_q: number;
  least: number;
}

const { thresholds } = goldenJson<{ thresholds: Vector[] }>("count.json");

test.each(thresholds)(
  "a photo of $values.length peaks counts from $least on",
  ({ values, usual_q, share_q, least }) => {
    expect(photoThreshold(values, usual_q, share_q)).toBe(least);
  },
);
