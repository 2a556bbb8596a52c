/**
 * Reads tables of a FlatBuffers file, and nothing outside of it: every offset and every length is checked before use.
 *
 * Source: https://flatbuffers.dev/internals (tables, vtables, vectors).
 */

/** A file that this engine does not run, and why. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** Items of vectors that are read of one file; tables may share vectors, so a small file can ask for billions. */
const MOST_ITEMS = 1_000_000;

export class FlatBuffer {
  #items = 0;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  root(): Table {
    return new Table(this, this.follow(0));
  }

  /** The items of a vector, as many as it says; a damaged file may claim billions. */
  vector<T>(at: number, itemBytes: number, read: (at: number) => T): T[] {
    const length = this.uint32(at);
    this.#inside(at + 4, length * itemBytes);
    this.#items += length;
    if (this.#items > MOST_ITEMS) throw new Refusal("the file is larger than this engine takes");
    return Array.from({ length }, (_, index) => read(at + 4 + index * itemBytes));
  }

  slice(at: number, length: number): Uint8Array {
    return this.#bytes.subarray(this.#inside(at, length), at + length);
  }

  int8(at: number): number {
    return this.#view.getInt8(this.#inside(at, 1));
  }

  uint16(at: number): number {
    return this.#view.getUint16(this.#inside(at, 2), true);
  }

  int32(at: number): number {
    return this.#view.getInt32(this.#inside(at, 4), true);
  }

  uint32(at: number): number {
    return this.#view.getUint32(this.#inside(at, 4), true);
  }

  follow(at: number): number {
    return at + this.uint32(at);
  }

  #inside(at: number, length: number): number {
    if (!(at >= 0 && at + length <= this.#bytes.length)) throw new Refusal("the file is cut off or damaged");
    return at;
  }
}

/** One table; its fields are named by their number in the schema. An absent field has its default value. */
export class Table {
  readonly #file: FlatBuffer;
  readonly #at: number;
  readonly #fields: number;
  readonly #fieldsBytes: number;

  constructor(file: FlatBuffer, at: number) {
    this.#file = file;
    this.#at = at;
    this.#fields = at - file.int32(at);
    this.#fieldsBytes = file.uint16(this.#fields);
  }

  int8(field: number, otherwise = 0): number {
    const at = this.#find(field);
    return at ? this.#file.int8(at) : otherwise;
  }

  int32(field: number, otherwise = 0): number {
    const at = this.#find(field);
    return at ? this.#file.int32(at) : otherwise;
  }

  table(field: number): Table | undefined {
    const at = this.#find(field);
    return at ? new Table(this.#file, this.#file.follow(at)) : undefined;
  }

  tables(field: number): Table[] {
    return this.#vector(field, 4, (at) => new Table(this.#file, this.#file.follow(at)));
  }

  int32s(field: number): number[] {
    return this.#vector(field, 4, (at) => this.#file.int32(at));
  }

  /** A vector as it lies in the file. */
  bytes(field: number, itemBytes = 1): Uint8Array {
    const at = this.#find(field);
    if (!at) return new Uint8Array();
    const vector = this.#file.follow(at);
    return this.#file.slice(vector + 4, this.#file.uint32(vector) * itemBytes);
  }

  /** Where a field lies; 0 if the table has none. */
  #find(field: number): number {
    const slot = 4 + 2 * field;
    if (slot + 2 > this.#fieldsBytes) return 0;
    const offset = this.#file.uint16(this.#fields + slot);
    return offset ? this.#at + offset : 0;
  }

  #vector<T>(field: number, itemBytes: number, read: (at: number) => T): T[] {
    const at = this.#find(field);
    return at ? this.#file.vector(this.#file.follow(at), itemBytes, read) : [];
  }
}
