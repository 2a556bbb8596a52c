import { expect, test } from "vitest";
import { findPeaks } from "../../src/count/peaks";

/** One species, from rows of digits; all insects of one length. */
function answer(...rows: string[]): Uint8Array {
  return Uint8Array.from([...rows.join("")].flatMap((digit) => [Number(digit), 142]));
}

function cells(...rows: string[]): number[][] {
  return findPeaks(answer(...rows), [5]).map(({ row, column }) => [row, column]);
}

test("of two equal neighbours exactly one counts, whichever way they lie", () => {
  expect(cells("0000", "0770", "0000", "0000")).toEqual([[1, 1]]);
  expect(cells("0000", "0700", "0700", "0000")).toEqual([[1, 1]]);
  expect(cells("0000", "0700", "0070", "0000")).toEqual([[1, 1]]);
  expect(cells("0000", "0070", "0700", "0000")).toEqual([[1, 2]]);
});

test("a two by two plateau is one insect", () => {
  expect(cells("0000", "0770", "0770", "0000")).toEqual([[1, 1]]);
});

test("outside never wins: an insect at the edge and in the corner counts", () => {
  expect(cells("7006", "0000", "0000", "0090")).toEqual([
    [0, 0],
    [0, 3],
    [3, 2],
  ]);
});

test("the threshold itself counts, one less does not", () => {
  expect(cells("50", "00")).toEqual([[0, 0]]);
  expect(cells("40", "00")).toEqual([]);
});

test("species do not disturb one another, come in their order and bring the length at their place", () => {
  // two species and a length, side by side in every cell
  const both = Uint8Array.from([9, 0, 10, 0, 8, 20, 0, 0, 30, 0, 0, 40]);
  expect(findPeaks(both, [5, 5])).toEqual([
    { row: 0, column: 0, species: 0, value: 9, code: 10 },
    { row: 0, column: 1, species: 1, value: 8, code: 20 },
  ]);
});

test("an answer without lengths is refused", () => {
  expect(() => findPeaks(new Uint8Array(4), [5])).toThrow("no square of 2 channels");
});
