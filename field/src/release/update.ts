/**
 * Asks for the region's release, and for the base that goes with it, and takes them if they hold. Station 9 of 9.
 *
 * Signature, then seq, then app generation, then hash and length of each file, then a test photo: only a release that
 * passes all is used. Whatever fails is written down, and the present model counts on. Downloaded are the files of
 * the size that this phone uses, the gate and the test photo.
 * The next observation names the new model, and the story begins again at station 1, `camera.ts`.
 */

import { BASE_KEYS } from "virtual:bundled-release";
import { untilNobodyIsBusy } from "../busy";
import { counter } from "../count/counter";
import type { GateSidecar } from "../count/gate";
import type { CountResult, Model } from "../count/messages";
import { Problem, problemJson } from "../problem";
import { announceChange } from "../store/changed";
import type { Settings } from "../store/database";
import { keep, setting } from "../store/settings";
import { needsAsking } from "../sync/link";
import { instant } from "../sync/protocol";
import { request } from "../sync/sync";
import { download } from "./download";
import { BASE_REGION, filesFor, type Manifest, type Pair, pairOf, type ReleaseFile, type Size } from "./manifest";
import {
  contentOf,
  type Files,
  find,
  gateInUse,
  type Held,
  heldReleases,
  keepFiles,
  leaveRegion,
  note,
  type RefusedRelease,
  type ReleaseState,
  releaseState,
  shelf,
  take,
  unpack,
} from "./shelf";
import { wantedSize } from "./size";
import { admit, bytesOf, type PublicKey, type Signature, sha256Hex, type Verified, verify } from "./verify";

/** Which releases this app can use: raised when an older app could not. */
const APP_GENERATION = 2;
/** A release that was refused is not downloaded again sooner by itself: a metered link would pay at every start. */
const RETRY_MS = 24 * 60 * 60 * 1000;
const LOCK = "pestwatch-release";

interface Offer {
  content: Uint8Array<ArrayBuffer>;
  signature: Signature;
}

/** As the server sends it, the manifest in base64. */
interface OfferJson {
  manifest: string;
  signature: Signature;
}

/** Counts a photo with a model; a parameter, so that a test needs no browser. */
export type CountWith = (photo: Blob, model: Model) => Promise<Pick<CountResult, "counts">>;

const countWith: CountWith = (photo, model) => counter.count(photo, model);

/** What one look for releases is about. */
interface Look {
  reason: "asked" | "automatic";
  now: Date;
  count: CountWith;
  region: string;
  root: PublicKey | null;
  size: Size;
  /** What would cost too much to be fetched without a word. */
  offered: Settings["next_model"];
}

/**
 * Looks for newer releases, and for the size that this phone wants. To be called at start and after a sync, by windows only.
 *
 * @param reason "asked" when a person waits for it: then a refused release is tried again at once
 * @returns how things stand now; a refusal is in it and not thrown
 * @throws Problem 502.1 without a connection
 */
export async function updateRelease(
  reason: "asked" | "automatic" = "automatic",
  now = new Date(),
  count: CountWith = countWith,
): Promise<ReleaseState> {
  await exclusively(async () => {
    const enrolment = await setting("enrolment");
    const { region, root } = enrolment ?? { region: BASE_REGION, root: null };
    await takeAll({ reason, now, count, region, root, size: await wantedSize(), offered: null });
  });
  return releaseState(now);
}

async function exclusively(work: () => Promise<void>): Promise<void> {
  if (!globalThis.navigator?.locks) return work();
  await navigator.locks.request(LOCK, work);
}

async function takeAll(look: Look): Promise<void> {
  const offers = await offersFor(look.region);
  const before = await heldReleases();
  if (before.region && before.region.manifest.region !== look.region) await leaveRegion();
  const refused: (RefusedRelease | null)[] = [];
  for (const offer of offers) refused.push(await takeOffer(offer, look));
  refused.push(await fetchSize(look));
  await settle(
    refused.filter((one) => one !== null),
    look,
  );
}

/** The region's release and the base beside it; the base alone where the region has none. */
async function offersFor(region: string): Promise<Offer[]> {
  const answer = (await request(`/releases/${region}/current`, {})) as (OfferJson & { base?: OfferJson }) | null;
  return [answer, answer?.base].filter((offer) => offer !== undefined).map(parseOffer);
}

function parseOffer(offer: OfferJson | null): Offer {
  if (typeof offer?.manifest !== "string" || !offer.signature) throw new Problem("502.2");
  return { content: bytesOf(offer.manifest), signature: offer.signature };
}

/** Takes one release if it is wanted and holds; what it was refused for, now or a moment ago, comes back. */
async function takeOffer({ content, signature }: Offer, look: Look): Promise<RefusedRelease | null> {
  const sha256 = await sha256Hex(content);
  const held = await heldReleases();
  let version = "?";
  try {
    const verified = await verify(content, signature, { base_keys: BASE_KEYS, root: look.root });
    version = verified.manifest.version;
    if (!isWanted(verified.manifest, held, look)) return null;
    return (await justRefused(sha256, look)) ?? (await takeRelease(verified, held, look));
  } catch (error) {
    return refuse(error, { version, sha256 }, look);
  }
}

/**
 * Whether an offered release is another one than ours and meant for us.
 *
 * A base that is older than ours is no news, and a region's release is none for a phone whose size it does not hold.
 */
function isWanted(offered: Manifest, { base, region }: Held, look: Look): boolean {
  if (offered.region === BASE_REGION) return Date.parse(offered.created_at) > Date.parse(base.manifest.created_at);
  if (offered.region !== look.region) {
    throw new Problem("422.22", { detail: `it is for ${offered.region}, not for ${look.region}` });
  }
  return pairOf(offered, look.size) !== null && offered.version !== region?.manifest.version;
}

async function takeRelease(verified: Verified, held: Held, look: Look): Promise<null> {
  const { manifest } = verified;
  const seen = admit(verified, (await note("seen")) ?? {});
  if (manifest.min_app > APP_GENERATION) throw new Problem("422.27", { version: manifest.version });
  // A base without our size still brings its gate, and the usual size.
  const size = pairOf(manifest, look.size) ? look.size : "small";
  const files = await fetchFiles(filesFor(manifest, size), manifest, held, look);
  if (!files) return null;
  await untilNobodyIsBusy(); // a photo must not wait for the test photo
  await checkGolden(manifest, size, files, held, look);
  await take(verified, files, held, seen);
  return null;
}

/** Gets the wanted size of the base in use when it is not here; the phone counts with what it has until then. */
async function fetchSize(look: Look): Promise<RefusedRelease | null> {
  const held = await heldReleases();
  const { manifest } = held.base;
  const pair = pairOf(manifest, look.size);
  if (!pair || (await find(look.size, held))) return null;
  const { model, sidecar } = pair;
  const refused = await justRefused(model.sha256, look);
  if (refused) return refused;
  try {
    const files = await fetchFiles(filesFor(manifest, look.size), manifest, held, look);
    if (!files) return null;
    await checkGolden(manifest, look.size, files, held, look);
    await keepFiles({ [model.sha256]: files[model.sha256], [sidecar.sha256]: files[sidecar.sha256] });
    return null;
  } catch (error) {
    return refuse(error, { version: manifest.version, sha256: model.sha256 }, look);
  }
}

async function justRefused(sha256: string, { reason, now }: Look): Promise<RefusedRelease | null> {
  const refused = (await note("refused"))?.find((one) => one.sha256 === sha256);
  const isRecent = refused !== undefined && now.getTime() - Date.parse(refused.at) < RETRY_MS;
  return reason === "automatic" && isRecent ? refused : null;
}

/** Writes down why a release was not taken; a broken connection is nothing to hold against it, and is thrown again. */
async function refuse(
  error: unknown,
  what: Pick<RefusedRelease, "version" | "sha256">,
  { now }: Look,
): Promise<RefusedRelease> {
  if (!(error instanceof Problem) || error.number.startsWith("5")) throw error;
  const refused = { ...what, problem: problemJson(error), at: instant(now) };
  const others = ((await note("refused")) ?? []).filter(({ sha256 }) => sha256 !== what.sha256);
  await (await shelf()).put("notes", [...others, refused], "refused");
  return refused;
}

/** What was refused before and is no longer offered is forgotten. */
async function settle(refused: RefusedRelease[], { now, offered }: Look): Promise<void> {
  const transaction = (await shelf()).transaction("notes", "readwrite");
  const { store } = transaction;
  await Promise.all([store.put(instant(now), "checked_at"), store.put(refused, "refused"), transaction.done]);
  const before = await setting("next_model");
  await keep("next_model", offered);
  if (before || offered) announceChange();
}

/** What is here already is not paid for again; null when the rest is so much that a person has to ask for it. */
async function fetchFiles(wanted: ReleaseFile[], manifest: Manifest, held: Held, look: Look): Promise<Files | null> {
  const files: Files = {};
  const missing: ReleaseFile[] = [];
  for (const file of wanted) {
    const content = await contentOf(file, held);
    if (content) files[file.sha256] = content;
    else missing.push(file);
  }
  const bytes = missing.reduce((sum, file) => sum + file.bytes, 0);
  if (look.reason === "automatic" && needsAsking(bytes)) {
    look.offered = { version: manifest.version, bytes };
    return null;
  }
  if (missing.length === 0) return files;
  // Said before the first byte, also where nobody is asked.
  await keep("next_model", { version: manifest.version, bytes, isComing: true });
  announceChange();
  for (const file of missing) files[file.sha256] = await download(manifest, file);
  await keep("loaded_model", { bytes, at: instant(look.now) });
  return files;
}

/** The last check: does this model, on this phone, count what its makers counted? */
async function checkGolden(manifest: Manifest, size: Size, files: Files, held: Held, { count }: Look): Promise<void> {
  const { golden, version } = manifest;
  const picture = manifest.files.find(({ name }) => name === golden.name) as ReleaseFile;
  const gate = pairOf(manifest, "gate");
  const model: Model = {
    ...unpack(pairOf(manifest, size) as Pair, manifest, files),
    gate: gate ? unpack<GateSidecar>(gate, manifest, files) : await gateInUse(held),
  };
  const found = await count(new Blob([files[picture.sha256]], { type: "image/png" }), model).catch((error: unknown) => {
    if (error instanceof Problem && error.number === "503.2") throw error; // no engine yet: not the model's fault
    return null;
  });
  const expected = Object.entries(golden.counts[size] ?? {});
  const isSame = expected.every(([species, n]) => found?.counts[species] === n);
  if (!isSame || Object.keys(found?.counts ?? {}).length !== expected.length) throw new Problem("422.28", { version });
}
