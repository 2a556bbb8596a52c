/**
 * Clips: fetched when they are wanted, kept on the phone from then on.
 *
 * A language's clips lie in one pack; its index says which is where and names each by what is in it. So a single one
 * is a range of bytes, and after an update only what changed is fetched again. The service worker has no part in this:
 * the list of the app's files does not grow with every sentence.
 */

const CACHE = "pestwatch-sound";
/** The invitations of all languages, for the first screen. */
export const NAMES = "names";
/** No request is larger: a cut connection costs little, and the rest goes on where it stopped. */
const MOST_BYTES = 32_000;

interface Clip {
  key: string;
  name: string;
  at: number;
  bytes: number;
}

interface Index {
  pack: string;
  recorded: ReadonlySet<string>;
  clips: ReadonlyMap<string, Clip>;
}

interface IndexJson {
  pack: string;
  recorded: string[];
  clips: string[];
}

const indexes = new Map<string, Promise<Index | null>>();
const addressOf = (path: string): string => new URL(`sound/${path}`, document.baseURI).href;

/** The index of a language; null when it has no sound, or nothing of it is on the phone and there is no network. */
export async function indexOf(language: string): Promise<Index | null> {
  const known = indexes.get(language) ?? readIndex(language).catch(() => null);
  indexes.set(language, known);
  const index = await known;
  // Asked for again next time: the network may be back.
  if (!index) indexes.delete(language);
  return index;
}

async function readIndex(language: string): Promise<Index> {
  const cache = await caches.open(CACHE);
  const address = addressOf(`${language}.json`);
  const kept = await cache.match(address);
  const fresh = fetchIndex(address, cache).then(parse);
  if (!kept) return fresh;
  // What is kept serves until a newer one has come.
  fresh.then(() => indexes.set(language, fresh)).catch(() => {});
  return parse((await kept.json()) as IndexJson);
}

async function fetchIndex(address: string, cache: Cache): Promise<IndexJson> {
  const response = await fetch(address, { cache: "no-cache" });
  const copy = response.clone();
  const index = (await response.json()) as IndexJson;
  if (response.ok) await cache.put(address, copy);
  return index;
}

function parse({ pack, recorded, clips }: IndexJson): Index {
  let at = 0;
  const rows = clips.map((row): [string, Clip] => {
    const [key = "", name = "", size] = row.split(" ");
    const clip = { key, name, at, bytes: Number(size) };
    at += clip.bytes;
    return [key, clip];
  });
  return { pack, recorded: new Set(recorded), clips: new Map(rows) };
}

/** Brings clips onto the phone and gives them by their keys; what cannot be had is missing from the answer. */
export async function fetchClips(language: string, keys: Iterable<string>): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const index = await indexOf(language);
  if (!index) return found;
  const cache = await caches.open(CACHE);
  const missing: Clip[] = [];
  for (const key of new Set(keys)) {
    const clip = index.clips.get(key);
    const kept = clip && (await cache.match(addressOf(clip.name)));
    if (kept) found.set(key, new Uint8Array(await kept.arrayBuffer()));
    else if (clip) missing.push(clip);
  }
  for (const run of runsOf(missing)) {
    try {
      for (const [clip, content] of await fetchRun(index, run)) {
        found.set(clip.key, content);
        await cache.put(addressOf(clip.name), new Response(content as BlobPart));
      }
    } catch {
      // No network: what is there is heard.
      break;
    }
  }
  return found;
}

/** Neighbours in the pack come in one request. */
export function runsOf(clips: Clip[]): Clip[][] {
  const runs: Clip[][] = [];
  let end = -1;
  let bytes = 0;
  for (const clip of clips.sort((one, other) => one.at - other.at)) {
    const isNext = clip.at === end && bytes + clip.bytes <= MOST_BYTES;
    if (isNext) runs.at(-1)?.push(clip);
    else runs.push([clip]);
    bytes = isNext ? bytes + clip.bytes : clip.bytes;
    end = clip.at + clip.bytes;
  }
  return runs;
}

async function fetchRun({ pack }: Index, run: Clip[]): Promise<[Clip, Uint8Array][]> {
  const first = run[0] as Clip;
  const last = run.at(-1) as Clip;
  const address = addressOf(pack);
  const response = await fetch(address, { headers: { Range: `bytes=${first.at}-${last.at + last.bytes - 1}` } });
  if (!response.ok) throw new Error(`${pack}: ${response.status}`);
  const content = new Uint8Array(await response.arrayBuffer());
  // A server that knows no ranges sends everything.
  const from = response.status === 206 ? first.at : 0;
  const clips = run.map((clip): [Clip, Uint8Array] => [
    clip,
    content.slice(clip.at - from, clip.at - from + clip.bytes),
  ]);
  for (const [{ name }, part] of clips)
    if ((await nameOf(part)) !== name) throw new Error(`${pack} is not what was built`);
  return clips;
}

/** As pestwatch/sound/build.py names a clip: a captive portal answers with 200 as well. */
async function nameOf(content: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content as BufferSource));
  return Array.from(digest.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** How many bytes of a language are on the phone, and how many are not; null when it has no sound. */
export async function bytesOf(language: string): Promise<{ here: number; missing: number } | null> {
  const index = await indexOf(language);
  if (!index) return null;
  const kept = new Set((await (await caches.open(CACHE)).keys()).map(({ url }) => url));
  const bytes = { here: 0, missing: 0 };
  for (const clip of index.clips.values()) bytes[kept.has(addressOf(clip.name)) ? "here" : "missing"] += clip.bytes;
  return bytes;
}

/** Fetches all that a language says; false when not everything has come. */
export async function download(language: string): Promise<boolean> {
  const index = await indexOf(language);
  return index !== null && (await fetchClips(language, index.clips.keys())).size === index.clips.size;
}

/** Gives the room back; the indexes go too. */
export async function removeSound(): Promise<void> {
  await caches.delete(CACHE);
  indexes.clear();
}
