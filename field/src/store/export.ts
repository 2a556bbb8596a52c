/**
 * Everything that this phone has made, as one file: it always works, also without an enrolment or a network.
 *
 * A plain zip with `pestwatch.json` and the photos that are still here. No token and no key: a file gets around. The
 * phone signs it, so that the file shows when it was spoilt, and whose counts are in it; `put-back.ts` reads it.
 */

import { deviceKey, FILE_PURPOSE, signed } from "../sync/device-key";
import { type AdvisoryChange, type Consent, type Fact, instant, type RecountChange } from "../sync/protocol";
import {
  type BegunInspection,
  type Delivery,
  type Draft,
  database,
  type Earlier,
  type KeptPhoto,
  type Settings,
} from "./database";
import { zip } from "./zip";

export const CONTENT = "pestwatch.json";
export const SIGNATURE = "signature.json";
export const FILE_VERSION = 2;

/** In place of a photo the name of its file; null where none is here. */
type WithFile<T extends { photo: Blob | null }> = Omit<T, "photo"> & { photo: string | null };

/** What is in `pestwatch.json`. */
export interface Everything {
  v: typeof FILE_VERSION;
  exported_at: string;
  app: string;
  /** The public key that tells this phone from others, enrolled or not. */
  phone: string;
  device: number | null;
  consent: (Consent & { agreed: boolean }) | null;
  settings: Partial<Pick<Settings, "locale" | "send_photos" | "photos_go" | "size_choice">>;
  facts: (Fact & { delivery: Omit<Delivery, "seq"> })[];
  photos: WithFile<KeptPhoto>[];
  drafts: WithFile<Draft>[];
  inspection: BegunInspection | null;
  advisories: AdvisoryChange[];
  recounts: RecountChange[];
  earlier: Earlier[];
  /** Length and SHA-256 of every other file. */
  files: Record<string, { bytes: number; sha256: string }>;
}

/** The file, in pieces that stay in the phone's store until they are written. */
export async function everything(): Promise<Blob> {
  const key = await deviceKey();
  const photos = new Map<string, Blob>();
  const content = await contentOf(key.public_key, photos);
  const text = new Blob([JSON.stringify(content, null, 1)], { type: "application/json" });
  const sha256 = await sha256Of(text);
  const signature = await signed(key, new TextEncoder().encode(sha256), FILE_PURPOSE);
  const proof = new Blob([JSON.stringify({ phone: key.public_key, sha256, signature })]);
  return zip([[CONTENT, text], [SIGNATURE, proof], ...photos]);
}

async function contentOf(phone: string, photos: Map<string, Blob>): Promise<Everything> {
  const tx = (await database()).transaction([
    "settings",
    "facts",
    "deliveries",
    "drafts",
    "photos",
    "advisories",
    "recounts",
  ]);
  const settings = tx.objectStore("settings");
  const one = async <K extends keyof Settings>(name: K): Promise<Settings[K] | undefined> =>
    (await settings.get(name)) as Settings[K] | undefined;
  const [facts, deliveries, drafts, kept, advisories, recounts] = await Promise.all([
    tx.objectStore("facts").getAll(),
    tx.objectStore("deliveries").getAll(),
    tx.objectStore("drafts").getAll(),
    tx.objectStore("photos").getAll(),
    tx.objectStore("advisories").getAll(),
    tx.objectStore("recounts").getAll(),
  ]);
  const [enrolment, consent, inspection, earlier, locale, send_photos, photos_go, size_choice] = await Promise.all([
    one("enrolment"),
    one("consent"),
    one("inspection"),
    one("earlier"),
    one("locale"),
    one("send_photos"),
    one("photos_go"),
    one("size_choice"),
  ]);
  const bySeq = new Map(deliveries.map(({ seq, ...delivery }) => [seq, delivery]));
  const files: Everything["files"] = {};
  /** A photo that Android has taken away is left out, rather than everything else with it. */
  const filed = async (name: string, photo: Blob | null): Promise<string | null> => {
    const sha256 = photo && (await sha256Of(photo).catch(() => null));
    if (!photo || !sha256) return null;
    photos.set(name, photo);
    files[name] = { bytes: photo.size, sha256 };
    return name;
  };
  const everything: Everything = {
    v: FILE_VERSION,
    exported_at: instant(new Date()),
    app: __APP_VERSION__,
    phone,
    device: enrolment?.device ?? null,
    consent: consent ?? null,
    settings: JSON.parse(JSON.stringify({ locale, send_photos, photos_go, size_choice })),
    facts: facts.map((fact) => ({ ...fact, delivery: bySeq.get(fact.seq) as Omit<Delivery, "seq"> })),
    photos: [],
    drafts: [],
    inspection: inspection ?? null,
    advisories,
    recounts,
    earlier: earlier ?? [],
    files,
  };
  for (const { photo, ...rest } of kept) {
    everything.photos.push({ ...rest, photo: await filed(`photos/${rest.sha256}.jpg`, photo) });
  }
  for (const { photo, ...rest } of drafts) {
    const ending = photo?.type.split("/")[1]?.replace("jpeg", "jpg") ?? "jpg";
    everything.drafts.push({ ...rest, photo: await filed(`unsaved/${rest.trap}.${ending}`, photo) });
  }
  return everything;
}

export async function sha256Of(content: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await content.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Hands the file to the browser's downloads. */
export async function exportEverything(): Promise<void> {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await everything());
  link.download = `pestwatch-${new Date().toISOString().slice(0, 10)}.zip`;
  link.click();
  // A slow card takes its time to write hundreds of photos.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 600_000);
}
