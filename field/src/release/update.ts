/**
 * Asks for the region's release and takes it if it holds. Station 9 of 9.
 *
 * Signature, then seq, then app generation, then hash and length of each file, then a test photo: only a release that
 * passes all is used, and the one before it is kept. Whatever fails is written down, and the present model counts on.
 * The next observation names the new model, and the story begins again at station 1, `camera.ts`.
 */

import { BASE_KEYS } from "virtual:bundled-release";
import { counter } from "../count/counter";
import type { CountResult, Model } from "../count/messages";
import { Problem, problemJson } from "../problem";
import { setting } from "../store/settings";
import { instant } from "../sync/protocol";
import { request } from "../sync/sync";
import { download } from "./download";
import { BASE_REGION, type Manifest } from "./manifest";
import { modelOf, note, type Release, type ReleaseState, releaseInUse, releaseState, shelf, swap } from "./shelf";
import { admit, bytesOf, type PublicKey, type Signature, sha256Hex, type Verified, verify } from "./verify";

/** Which releases this app can use: raised when an older app could not. */
const APP_GENERATION = 1;
/** A release that was refused is not downloaded again sooner, or a metered link would pay for it at every start. */
const RETRY_MS = 24 * 60 * 60 * 1000;
const LOCK = "pestwatch-release";

interface Offer {
  content: Uint8Array<ArrayBuffer>;
  signature: Signature;
}

/** Counts a photo with a model; a parameter, so that a test needs no browser. */
export type CountWith = (photo: Blob, model: Model) => Promise<Pick<CountResult, "counts">>;

const countWith: CountWith = (photo, model) => counter.count(photo, model);

/**
 * Looks for a newer release and uses it if it holds. To be called at start and after a sync, by windows only.
 *
 * @returns how things stand now; a refusal is in it and not thrown
 * @throws Problem 502.1 without a connection
 */
export async function updateRelease(now = new Date(), count: CountWith = countWith): Promise<ReleaseState> {
  await exclusively(() => takeOffer(now, count));
  return releaseState(now);
}

async function exclusively(work: () => Promise<void>): Promise<void> {
  if (!globalThis.navigator?.locks) return work();
  await navigator.locks.request(LOCK, work);
}

async function takeOffer(now: Date, count: CountWith): Promise<void> {
  const enrolment = await setting("enrolment");
  const region = enrolment?.region ?? BASE_REGION;
  const offer = await offerFor(region);
  const manifest_sha256 = await sha256Hex(offer.content);
  const inUse = await releaseInUse();
  let version = "?";
  try {
    const verified = await verify(offer.content, offer.signature, { base_keys: BASE_KEYS, root: rootOf(enrolment) });
    version = verified.manifest.version;
    if (!isWanted(verified.manifest, inUse.manifest, region)) return await settle(now);
    const refused = await note("refused");
    if (refused?.manifest_sha256 === manifest_sha256 && now.getTime() - Date.parse(refused.at) < RETRY_MS) return;
    const seen = admit(verified, (await note("seen")) ?? {});
    const next = await fetchRelease(verified, inUse);
    await checkGolden(next, count);
    await swap(next, inUse, seen, instant(now));
  } catch (error) {
    if (!(error instanceof Problem) || error.number.startsWith("5")) throw error;
    const problem = problemJson(error);
    await (await shelf()).put("notes", { version, manifest_sha256, problem, at: instant(now) }, "refused");
  }
}

async function offerFor(region: string): Promise<Offer> {
  const answer = (await request(`/releases/${region}/current`, {})) as {
    manifest: string;
    signature: Signature;
  } | null;
  if (typeof answer?.manifest !== "string" || !answer.signature) throw new Problem("502.2");
  return { content: bytesOf(answer.manifest), signature: answer.signature };
}

function rootOf(enrolment: { root: PublicKey } | undefined): PublicKey | null {
  return enrolment?.root ?? null;
}

/**
 * Whether an offered release is another one than ours and meant for us.
 *
 * A server that has nothing for the region offers its base; one that is older than ours is no news.
 */
function isWanted(offered: Manifest, inUse: Manifest, region: string): boolean {
  if (offered.version === inUse.version) return false;
  if (offered.region !== BASE_REGION) {
    if (offered.region === region) return true;
    throw new Problem("422.22", { detail: `it is for ${offered.region}, not for ${region}` });
  }
  if (inUse.region !== BASE_REGION) return inUse.region !== region;
  return Date.parse(offered.created_at) > Date.parse(inUse.created_at);
}

/** Nothing new: what was refused before is no longer offered. */
async function settle(now: Date): Promise<void> {
  const transaction = (await shelf()).transaction("notes", "readwrite");
  await Promise.all([
    transaction.store.put(instant(now), "checked_at"),
    transaction.store.delete("refused"),
    transaction.done,
  ]);
}

async function fetchRelease(verified: Verified, inUse: Release): Promise<Release> {
  const { manifest } = verified;
  if (manifest.min_app > APP_GENERATION) throw new Problem("422.27", { version: manifest.version });
  const files: Release["files"] = {};
  for (const file of manifest.files) {
    // The test photo seldom changes: what is here already is not paid for again.
    const same = inUse.manifest.files.find((own) => own.sha256 === file.sha256);
    files[file.name] = same ? inUse.files[same.name] : await download(manifest, file);
  }
  return { ...verified, files };
}

/** The last check: does this model, on this phone, count what its makers counted? */
async function checkGolden(release: Release, count: CountWith): Promise<void> {
  const { golden, version } = release.manifest;
  const photo = new Blob([release.files[golden.name]], { type: "image/png" });
  const { counts } = await count(photo, modelOf(release));
  const expected = Object.entries(golden.counts);
  const isSame = expected.length === Object.keys(counts).length && expected.every(([key, n]) => counts[key] === n);
  if (!isSame) throw new Problem("422.28", { version });
}
