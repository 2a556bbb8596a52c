import { expect, test } from "vitest";
import { look } from "../../src/count/look";
import { goldenJson } from "../golden";

interface Story {
  story: string;
  long_px: number;
  /** In this order, with the heat, the length code and the species (0 when left out) of each moth that is seen there. */
  asked: { side_px: number; moths: [number, number, number?][] }[];
  side_px: number;
}

const { looks, moth_codes } = goldenJson<{ looks: Story[]; moth_codes: number[] }>("count.json");

test.each(looks)("$story", async ({ long_px, asked, side_px: chosen }) => {
  const sides: number[] = [];
  const seen = await look(long_px, moth_codes, async (sidePx) => {
    sides.push(sidePx);
    const moths = asked.find(({ side_px }) => side_px === sidePx)?.moths ?? [];
    return moths.map(([value, code, species = 0]) => ({ x: sidePx, y: 0, species, value, code }));
  });
  expect(sides).toEqual(asked.map(({ side_px }) => side_px));
  const atChosen = asked.find(({ side_px }) => side_px === chosen)?.moths;
  expect(seen.map(({ value, code }) => [value, code])).toEqual(atChosen?.map(([value, code]) => [value, code]));
  expect(seen.every(({ x }) => x === chosen)).toBe(true);
});
