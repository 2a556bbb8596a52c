import { describe, expect, test } from "vitest";
import { packetsOf, webmOf } from "../../src/sound/webm";

/** A clip as pestwatch/sound/build.py writes it. */
function clipOf(...sizes: number[]): Uint8Array {
  return new Uint8Array(
    sizes.flatMap((size, i) => {
      const length = size < 252 ? [size] : [252 + (size % 4), (size - 252) >> 2];
      return [...length, ...Array<number>(size).fill(i + 1)];
    }),
  );
}

/** The ids and contents of the elements of some bytes, all with lengths of four bytes. */
function elementsOf(bytes: Uint8Array): [id: string, content: Uint8Array][] {
  const found: [string, Uint8Array][] = [];
  for (let at = 0; at < bytes.length; ) {
    const idBytes = Math.clz32(bytes[at] as number) - 23;
    const id = Buffer.from(bytes.subarray(at, at + idBytes)).toString("hex");
    const size = new DataView(bytes.buffer, bytes.byteOffset + at + idBytes).getUint32(0) & 0x0fffffff;
    const start = at + idBytes + 4;
    found.push([id, bytes.subarray(start, start + size)]);
    at = start + size;
  }
  return found;
}

const CLUSTER = "1f43b675";
const BLOCK = "a3";

describe("a clip", () => {
  test.each([1, 45, 251, 252, 253, 255, 256, 700, 1275])("holds packets of %i bytes", (size) => {
    expect(packetsOf(clipOf(size, 3, size)).map(({ length }) => length)).toEqual([size, 3, size]);
  });
});

describe("a sentence's sound", () => {
  test("is one WebM with all packets of all clips, 60 ms each", () => {
    const [header, segment] = elementsOf(webmOf([clipOf(40, 41), clipOf(42)]));
    expect(header?.[0]).toBe("1a45dfa3");
    const inside = elementsOf(segment?.[1] as Uint8Array);
    expect(inside.map(([id]) => id)).toEqual(["1549a966", "1654ae6b", CLUSTER]);
    const blocks = elementsOf(inside[2]?.[1] as Uint8Array).filter(([id]) => id === BLOCK);
    const times = blocks.map(([, block]) => (block[1] as number) * 256 + (block[2] as number));
    expect(times).toEqual([0, 60, 120]);
    expect(blocks.map(([, block]) => block.length - 4)).toEqual([40, 41, 42]);
  });

  test("longer than half a minute goes on in a cluster of its own", () => {
    const [, segment] = elementsOf(webmOf([clipOf(...Array<number>(501).fill(10))]));
    const clusters = elementsOf(segment?.[1] as Uint8Array).filter(([id]) => id === CLUSTER);
    expect(clusters).toHaveLength(2);
    const [time, block] = elementsOf(clusters[1]?.[1] as Uint8Array);
    expect(Buffer.from(time?.[1] as Uint8Array).readUInt32BE()).toBe(30_000);
    expect(block?.[1].length).toBe(14);
  });
});
