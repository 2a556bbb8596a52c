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
import {
  modelOf,
  note,
  type RefusedRelease,
  type Release,
  type ReleaseState,
  releaseInUse,
  releaseState,
  shelf,
  swap,
} from "./shelf";
import { admit, bytesOf, type Signature, sha256Hex, type Verified, verify } from "./verify";

/** Which releases this app can use: raised when an older app could not. */
const APP_GENERATION = 1;
/** A release that was refused is not downloaded again sooner by itself: a metered link would pay at every start. */
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
 * @param reason "asked" when a person waits for it: then a refused release is tried again at once
 * @returns how things stand now; a refusal is in it and not thrown
 * @throws Problem 502.1 without a connection
 */
export async function updateRelease(
  reason: "asked" | "automatic" = "automatic",
  now = new Date(),
  count: CountWith = countWith,
): Promise<ReleaseState> {
  await exclusively(() => takeOffer(reason, now, count));
  return releaseState(now);
}

async function exclusively(work: () => Promise<void>): Promise<void> {
  if (!globalThis.navigator?.locks) return work();
  await navigator.locks.request(LOCK, work);
}

async function takeOffer(reason: "asked" | "automatic", now: Date, count: CountWith): Promise<void> {
  const enrolment = await setting("enrolment");
  const region = enrolment?.region ?? BASE_REGION;
  const offer = await offerFor(region);
  const manifest_sha256 = await sha256Hex(offer.content);
  const inUse = await releaseInUse();
  let version = "?";
  try {
    const verified = await verify(offer.content, offer.signature, {
      base_keys: BASE_KEYS,
      root: enrolment?.root ?? null,
    });
    version = verified.manifest.version;
    if (!isWanted(verified.manifest, inUse.manifest, region)) return await settle(now);
    if (reason === "automatic" && (await wasJustRefused(manifest_sha256, now))) return;
    const seen = admit(verified, (await note("seen")) ?? {});
    const next = await fetchRelease(verified, inUse);
    await checkGolden(next, count);
    await swap(next, inUse, seen, instant(now));
  } catch (error) {
    if (!(error instanceof Problem) || error.number.startsWith("5")) throw error;
    await refuse({ version, manifest_sha256, problem: problemJson(error), at: instant(now) });
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

async function wasJustRefused(manifest_sha256: string, now: Date): Promise<boolean> {
  const refused = await note("refused");
  return refused?.manifest_sha256 === manifest_sha256 && now.getTime() - Date.parse(refused.at) < RETRY_MS;
}

/** Writes down why a release was not taken. */
async function refuse(refused: RefusedRelease): Promise<void> {
  const transaction = (await shelf()).transaction("notes", "readwrite");
  const { store } = transaction;
  await Promise.all([store.put(refused, "refused"), store.put(refused.at, "checked_at"), transaction.done]);
}

/** Nothing new: what was refused before is no longer offered. */
async function settle(now: Date): Promise<void> {
  const transaction = (await shelf()).transaction("notes", "readwrite");
  const { store } = transaction;
  await Promise.all([store.put(instant(now), "checked_at"), store.delete("refused"), transaction.done]);
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
  const model = modelOf(release);
  const found = await count(photo, model).catch((error: unknown) => {
    if (error instanceof Problem && error.number === "503.2") throw error; // no engine yet: not the model's fault
    return null;
  });
  const expected = Object.entries(golden.counts);
  const isSame = expected.every(([species, n]) => found?.counts[species] === n);
  if (!isSame || Object.keys(found?.counts ?? {}).length !== expected.length) throw new Problem("422.28", { version });
}
