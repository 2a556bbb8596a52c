/**
 * A list of alike documents as a table: names once or never, numbers and times as differences.
 *
 * Twin: pestwatch/sync/table.py; docs/sync.md draws it, tests/golden/wire.json holds both to it.
 */

type Entry = unknown;
type Row = Record<string, unknown>;
type Column = Entry[] | { "+": Entry[] } | { t: Entry[] } | { of: number; is?: Entry[] };

export interface Table {
  rows: number;
  usual: (Column | null)[];
  columns?: Record<string, Column>;
}

/** The entry of a row that lacks this field; a field that is itself a list or an object so stands in a list of one. */
const ABSENT: Entry[] = [];
const MAX_COLUMNS = 250;
const MAX_DOTS = 8;

/** Names that need not be spelled, with the value that a column has which is not there; of version 1 for good. */
export type Usual = readonly (readonly [string, Entry])[];
export const FACTS: Usual = [
  ["seq", ABSENT],
  ["kind", "observation"],
  ["at", ABSENT],
  ["body.trap", ABSENT],
  ["body.taken_at", ABSENT],
  ["body.source", "photo"],
  ["body.counts.HELIAR", ABSENT],
  ["body.counts.GNORAB", ABSENT],
  ["body.counts.NOCTUID_LARGE", ABSENT],
  ["body.intervals.HELIAR", ABSENT],
  ["body.intervals.GNORAB", ABSENT],
  ["body.nights", ABSENT],
  ["body.emptied", true],
  ["body.lure_age_days", ABSENT],
  ["body.model", ABSENT],
  ["body.gate.verdict", "good"],
  ["body.gate.reason", null],
  ["body.photo", null],
  ["body.photo_consent", false],
  ["body.decoded_scale", 1],
  ["body.observation", ABSENT],
];
export const ITEMS: Usual = [
  ["seq", ABSENT],
  ["status", "stored"],
  ["problem", null],
];

/** Null if the list cannot be a table: a row has a name with a dot in it, or the rows have too many names. */
export function toTable(rows: readonly object[], usual: Usual): Table | null {
  const columns = new Map<string, Entry[]>(usual.map(([name]) => [name, []]));
  const put = (place: number, above: string, row: object): boolean =>
    Object.entries(row).every(([key, value]) => {
      const name = above + key;
      if (!key || key.includes(".") || name.split(".").length > MAX_DOTS) return false;
      if (value === undefined) return true;
      const isList = Array.isArray(value);
      const isObject = typeof value === "object" && value !== null && !isList;
      if (isObject && Object.keys(value).length > 0) return put(place, `${name}.`, value);
      const entries = columns.get(name) ?? [];
      columns.set(name, entries);
      while (entries.length < place) entries.push(ABSENT);
      entries.push(isObject || isList ? [value] : value);
      return true;
    });
  const fits = rows.every((row, place) => put(place, "", row));
  if (!fits || columns.size > MAX_COLUMNS) return null;
  const others: Record<string, Column> = {};
  const told: (Column | null)[] = [];
  const known: Entry[][] = [];
  for (const [name, entries] of columns) {
    while (entries.length < rows.length) entries.push(ABSENT);
    const as = usual[known.length];
    if (as) {
      told.push(entries.every((entry) => same(entry, as[1])) ? null : columnOf(entries, known));
      known.push(entries);
    } else {
      others[name] = columnOf(entries, []);
    }
  }
  while (told.at(-1) === null) told.pop();
  return { rows: rows.length, usual: told, ...(Object.keys(others).length > 0 && { columns: others }) };
}

export function fromTable({ rows, usual: told, columns }: Table, usual: Usual): Row[] {
  const made: Row[] = Array.from({ length: rows }, () => ({}));
  const known: Entry[][] = [];
  const put = (name: string, entries: Entry[]): void => {
    const path = name.split(".");
    const key = path.pop() as string;
    entries.forEach((entry, place) => {
      if (Array.isArray(entry) && entry.length === 0) return;
      let home = made[place] as Row;
      for (const step of path) {
        home[step] ??= {};
        home = home[step] as Row;
      }
      home[key] = Array.isArray(entry) ? entry[0] : entry;
    });
  };
  usual.forEach(([name, value], place) => {
    known.push(entriesOf(told[place] ?? [value], rows, known));
    put(name, known[place] as Entry[]);
  });
  for (const [name, column] of Object.entries(columns ?? {})) put(name, entriesOf(column, rows, known));
  return made;
}

const keyOf = (entry: Entry): string => JSON.stringify(entry);
const same = (one: Entry, other: Entry): boolean => one === other || keyOf(one) === keyOf(other);

/** The shortest spelling; one that ends early repeats its last entry. */
function columnOf(entries: Entry[], known: Entry[][]): Column {
  const present = entries.filter((entry) => entry !== ABSENT);
  let spellings: Column[] = [cut(entries)];
  if (present.length > 0 && present.every(isInstant)) {
    spellings = [{ t: cut(differences(entries, (entry) => Date.parse(entry as string) / 1000)) }];
  } else if (present.length > 0 && present.every(Number.isSafeInteger)) {
    spellings.push({ "+": cut(differences(entries, Number)) });
  }
  known.forEach((source, of) => {
    const mapped = new Map<string, Entry>();
    const follows = source.every((value, place) => {
      const [key, entry] = [keyOf(value), entries[place]];
      if (!mapped.has(key)) mapped.set(key, entry);
      return same(mapped.get(key), entry);
    });
    if (source.every((value, place) => same(value, entries[place]))) spellings.push({ of });
    else if (follows) spellings.push({ of, is: [...mapped.values()] });
  });
  const lengths = spellings.map((spelling) => keyOf(spelling).length);
  return spellings[lengths.indexOf(Math.min(...lengths))] as Column;
}

function cut(entries: Entry[]): Entry[] {
  let end = entries.length;
  while (end > 1 && same(entries[end - 2], entries[end - 1])) end--;
  return entries.slice(0, end);
}

function differences(entries: Entry[], number: (entry: Entry) => number): Entry[] {
  let before = 0;
  return entries.map((entry) => {
    if (entry === ABSENT) return ABSENT;
    const difference = number(entry) - before;
    before += difference;
    return difference;
  });
}

function instantOf(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

function isInstant(entry: Entry): boolean {
  return (
    typeof entry === "string" &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(entry) &&
    !Number.isNaN(Date.parse(entry)) &&
    instantOf(Date.parse(entry) / 1000) === entry
  );
}

function entriesOf(column: Column, count: number, known: Entry[][]): Entry[] {
  if (Array.isArray(column)) return filled(column, count);
  if ("of" in column) {
    const source = known[column.of] as Entry[];
    if (!column.is) return source;
    const keys = source.map(keyOf);
    const firsts = [...new Set(keys)];
    const values = filled(column.is, firsts.length);
    return keys.map((key) => values[firsts.indexOf(key)]);
  }
  const isTime = "t" in column;
  let sum = 0;
  return filled(isTime ? column.t : column["+"], count).map((entry) => {
    if (typeof entry !== "number") return ABSENT;
    sum += entry;
    return isTime ? instantOf(sum) : sum;
  });
}

function filled(told: Entry[], count: number): Entry[] {
  return Array.from({ length: count }, (_, place) => told[Math.min(place, told.length - 1)]);
}
