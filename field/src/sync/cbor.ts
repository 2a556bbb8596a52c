/**
 * CBOR as far as JSON goes (RFC 8949): what `JSON.stringify` would write, in fewer bytes; pestwatch/sync/spelling.py is the twin.
 *
 * Knows no tags, no byte strings, and no lengths that are told at the end.
 */

const HALVES = 2 ** 32;

export function toCbor(value: unknown): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  write(bytes, value);
  return new Uint8Array(bytes);
}

function write(bytes: number[], value: unknown): void {
  if (typeof value === "number" && Number.isSafeInteger(value)) {
    if (value < 0) head(bytes, 1, -1 - value);
    else head(bytes, 0, value);
  } else if (typeof value === "number" && Number.isFinite(value)) {
    const eight = new DataView(new ArrayBuffer(8));
    eight.setFloat64(0, value);
    bytes.push(0xfb, ...new Uint8Array(eight.buffer));
  } else if (typeof value === "string") {
    // Half a character, as cutting inside an emoji leaves it, becomes what the server makes of it in JSON too.
    const letters = new TextEncoder().encode(value.replace(/\p{Surrogate}/gu, "?"));
    head(bytes, 3, letters.length);
    for (const letter of letters) bytes.push(letter);
  } else if (Array.isArray(value)) {
    head(bytes, 4, value.length);
    for (const entry of value) write(bytes, entry);
  } else if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
    head(bytes, 5, entries.length);
    for (const [key, entry] of entries) {
      write(bytes, key);
      write(bytes, entry);
    }
  } else {
    bytes.push(value === false ? 0xf4 : value === true ? 0xf5 : 0xf6);
  }
}

function head(bytes: number[], kind: number, size: number): void {
  const width = size < 24 ? 0 : size < 0x100 ? 1 : size < 0x10000 ? 2 : size < HALVES ? 4 : 8;
  bytes.push((kind << 5) | (width ? 24 + Math.log2(width) : size));
  for (let place = width - 1; place >= 0; place--) bytes.push(Math.floor(size / 256 ** place) % 256);
}

/** @throws RangeError when it ends too early, SyntaxError when it is more than JSON can say */
export function fromCbor(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (width: number): number => {
    at += width;
    return at - width;
  };
  const read = (): unknown => {
    const first = view.getUint8(take(1));
    const kind = first >> 5;
    const low = first & 31;
    if (kind === 7) {
      if (low === 20 || low === 21) return low === 21;
      if (low === 22) return null;
      if (low === 26) return view.getFloat32(take(4));
      if (low === 27) return view.getFloat64(take(8));
      throw new SyntaxError();
    }
    let size = low;
    if (low === 24) size = view.getUint8(take(1));
    else if (low === 25) size = view.getUint16(take(2));
    else if (low === 26) size = view.getUint32(take(4));
    else if (low === 27) size = view.getUint32(take(4)) * HALVES + view.getUint32(take(4));
    else if (low > 27) throw new SyntaxError();
    if (kind === 0) return size;
    if (kind === 1) return -1 - size;
    if (kind === 3) {
      const start = take(size);
      if (at > bytes.length) throw new RangeError();
      return new TextDecoder().decode(bytes.subarray(start, at));
    }
    if (kind === 4) {
      const entries: unknown[] = [];
      while (entries.length < size) entries.push(read());
      return entries;
    }
    if (kind !== 5) throw new SyntaxError();
    const pairs: [string, unknown][] = [];
    while (pairs.length < size) pairs.push([read() as string, read()]);
    return Object.fromEntries(pairs);
  };
  return read();
}
