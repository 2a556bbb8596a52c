import { expect, test } from "vitest";
import { look } from "../../src/count/look";
import { goldenJson } from "../golden";

interface Story {
  story: string;
  long_px: number;
  /** In this order, with the heat and the length code of each moth that is seen there. */
  asked: { side_px: number; moths: [number, number][] }[];
  side_px: number;
}

const { looks } = goldenJson<{ looks: Story[] }>("count.json");

test.each(looks)("$story", async ({ long_px, asked, side_px: chosen }) => {
  const sides: number[] = [];
  const seen = await look(long_px, async (sidePx) => {
    sides.push(sidePx);
    const moths = asked.find(({ side_px }) => side_px === sidePx)?.moths ?? [];
    return moths.map(([value, code]) => ({ x: sidePx, y: 0, species: 0, value, code }));
  });
  expect(sides).toEqual(asked.map(({ side_px }) => side_px));
  const atChosen = asked.find(({ side_px }) => side_px === chosen)?.moths;
  expect(seen.map(({ value, code }) => [value, code])).toEqual(atChosen);
  expect(seen.every(({ x }) => x === chosen)).toBe(true);
});
