import { expect, test } from "vitest";
import { changeBy, editedMarks, type MarkEdit, tapped } from "../../src/photo/mark-edits";

const REACH = { x: 0.05, y: 0.1 };
const MARKS = [
  { x: 0.2, y: 0.2, species: "HELIAR" },
  { x: 0.22, y: 0.2, species: "HELIAR" },
  { x: 0.7, y: 0.7, species: "NOCTUID_LARGE" },
];

const tap = (x: number, y: number, marks = MARKS): MarkEdit => tapped(marks, { x, y }, "HELIAR", REACH);

test("a tap where nothing is adds the trap's own insect, to the digits that marks have", () => {
  const edit = tap(0.123456, 0.5);
  expect(edit).toEqual({ removed: null, added: { x: 0.1235, y: 0.5, species: "HELIAR" } });
  expect(editedMarks(MARKS, [edit])).toHaveLength(4);
  expect(changeBy(edit, "HELIAR")).toBe(1);
});

test("a tap on one takes away the nearest, and nothing farther than a finger", () => {
  const edit = tap(0.23, 0.25);
  expect(edit).toEqual({ removed: MARKS[1], added: null });
  expect(editedMarks(MARKS, [edit])).toEqual([MARKS[0], MARKS[2]]);
  expect(changeBy(edit, "HELIAR")).toBe(-1);
  expect(tap(0.28, 0.2).removed).toBeNull();
});

test("a tap on another insect makes it the trap's own, and the next one takes it away", () => {
  const edit = tap(0.71, 0.69);
  expect(edit).toEqual({ removed: MARKS[2], added: { ...MARKS[2], species: "HELIAR" } });
  expect([changeBy(edit, "HELIAR"), changeBy(edit, "NOCTUID_LARGE")]).toEqual([1, -1]);
  const marks = editedMarks(MARKS, [edit]);
  expect(editedMarks(MARKS, [edit, tap(0.7, 0.7, marks)])).toEqual(MARKS.slice(0, 2));
});

test("taking back the last edit leaves what was there before it", () => {
  const edits = [tap(0.5, 0.5), tap(0.2, 0.2)];
  const one = editedMarks(MARKS, edits.slice(0, -1));
  expect(editedMarks(MARKS, edits)).toHaveLength(one.length - 1);
  expect(editedMarks(MARKS, [])).toEqual(MARKS);
});
