/**
 * Plain zip files, nothing in them packed: every phone and computer opens one, and photos do not shrink anyway.
 *
 * Made of pieces: a Blob of the phone's store is put in as it lies there, so hundreds of photos never stand in memory at once.
 */

type Bytes = Uint8Array<ArrayBuffer>;

const LOCAL = 0x04034b50;
const ENTRY = 0x02014b50;
const END = 0x06054b50;
const [LOCAL_BYTES, ENTRY_BYTES, END_BYTES] = [30, 46, 22];
const VERSION = 20;
const UTF8 = 0x0800;
/** 1 January 1980: the format cannot leave the day out, and knows no time zone. */
const NO_DAY = 0x0021;

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

async function crc32(content: Blob): Promise<number> {
  let crc = -1;
  for (const byte of new Uint8Array(await content.arrayBuffer())) {
    crc = (TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** Numbers of two (`[n]`) or four bytes (`n`), the lowest first. */
function record(...fields: (number | [number])[]): Bytes {
  const bytes = fields.flatMap((field) =>
    typeof field === "number" ? [0, 8, 16, 24].map((bits) => field >>> bits) : [field[0], field[0] >>> 8],
  );
  return Uint8Array.from(bytes);
}

/** One file of all pieces; reads one after another for its checksum. */
export async function zip(pieces: Iterable<readonly [name: string, content: Blob]>): Promise<Blob> {
  const parts: BlobPart[] = [];
  const entries: BlobPart[] = [];
  let [at, count] = [0, 0];
  for (const [title, content] of pieces) {
    const name = new TextEncoder().encode(title);
    const { size } = content;
    const same = [[VERSION], [UTF8], [0], [0], [NO_DAY], await crc32(content), size, size, [name.length], [0]] as const;
    parts.push(record(LOCAL, ...(same as unknown as number[])), name, content);
    entries.push(record(ENTRY, [VERSION], ...(same as unknown as number[]), [0], [0], [0], 0, at), name);
    at += LOCAL_BYTES + name.length + size;
    count++;
  }
  const list = new Blob(entries);
  const end = record(END, [0], [0], [count], [count], list.size, at, [0]);
  return new Blob([...parts, list, end], { type: "application/zip" });
}

/**
 * What is in a file that `zip` made, by name; contents stay where they are until somebody reads them.
 *
 * @throws RangeError when it is no such file, or not the whole of one
 */
export async function unzip(file: Blob): Promise<Map<string, Blob>> {
  const end = await view(file, file.size - END_BYTES, END_BYTES);
  const [count, listBytes, listAt] = [end.getUint16(10, true), end.getUint32(12, true), end.getUint32(16, true)];
  check(end.getUint32(0, true) === END && listAt + listBytes + END_BYTES === file.size);
  const list = await view(file, listAt, listBytes);
  const found = new Map<string, Blob>();
  let at = 0;
  for (let n = 0; n < count; n++) {
    check(list.getUint32(at, true) === ENTRY && list.getUint16(at + 10, true) === 0);
    const [bytes, nameBytes, begin] = [24, 28, 42].map((place) =>
      place === 28 ? list.getUint16(at + place, true) : list.getUint32(at + place, true),
    ) as [number, number, number];
    const name = new TextDecoder().decode(new Uint8Array(list.buffer, at + ENTRY_BYTES, nameBytes));
    at += ENTRY_BYTES + nameBytes + list.getUint16(at + 30, true) + list.getUint16(at + 32, true);
    const local = await view(file, begin, LOCAL_BYTES);
    const from = begin + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true);
    check(local.getUint32(0, true) === LOCAL && from + bytes <= listAt && !found.has(name));
    found.set(name, file.slice(from, from + bytes));
  }
  return found;
}

async function view(file: Blob, from: number, bytes: number): Promise<DataView> {
  check(from >= 0 && from + bytes <= file.size);
  return new DataView(await file.slice(from, from + bytes).arrayBuffer());
}

function check(isSo: boolean): void {
  if (!isSo) throw new RangeError("not a whole zip file");
}
