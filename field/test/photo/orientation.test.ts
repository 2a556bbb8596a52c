import { expect, test } from "vitest";
import { storedPart, turn, uprightSize } from "../../src/photo/orientation";

/** Stored as 3 x 2:  a b c / d e f. */
const STORED = { width: 3, height: 2 };
const LETTERS = "abcdef";
/** As EXIF 2.3 draws them: what the first stored row and column are in the upright picture. */
const UPRIGHT = {
  1: "abc def",
  2: "cba fed",
  3: "fed cba",
  4: "def abc",
  5: "ad be cf",
  6: "da eb fc",
  7: "fc eb da",
  8: "cf be ad",
};

/** What a decoder copies of a part: the letter in each colour, so that a swap of red and blue would show. */
function copied({ x, y, width, height }: ReturnType<typeof storedPart>): Uint8Array {
  const bytes: number[] = [];
  for (let row = y; row < y + height; row++) {
    for (let column = x; column < x + width; column++) {
      const letter = LETTERS.charCodeAt(row * STORED.width + column);
      bytes.push(letter + 100, letter + 50, letter, 255);
    }
  }
  return Uint8Array.from(bytes);
}

test.each(Object.entries(UPRIGHT))(
  "orientation %s is turned upright, one row at a time or all at once",
  (key, rows) => {
    const orientation = Number(key);
    const { width, height } = uprightSize(STORED, orientation);
    expect(rows.split(" ").map((row) => row.length)).toEqual(Array(height).fill(width));
    for (const stripe of [1, height]) {
      let read = "";
      for (let top = 0; top < height; top += stripe) {
        const part = storedPart(STORED, orientation, top, stripe);
        const out = new Uint8ClampedArray(width * stripe * 4);
        turn(copied(part), part, orientation, true, out);
        for (let at = 0; at < out.length; at += 4) {
          expect([out[at + 1], out[at + 2]]).toEqual([(out[at] as number) + 50, (out[at] as number) + 100]);
          read += String.fromCharCode(out[at] as number);
        }
      }
      expect(read).toBe(rows.replaceAll(" ", ""));
    }
  },
);
