/**
 * The manifest of a release: which files it has, how long each is, what it hashes to, and what it must count.
 *
 * A base release holds a family of models, one per size, and as soon as one is trained the gate that looks at photos first; a region
 * releases its own `small` alone.
 *
 * Twin: pestwatch/release/manifest.py. Fields of a newer pestwatch are passed over.
 */

import { Problem } from "../problem";
import type { Counts, Instant } from "../sync/protocol";

export const BASE_REGION = "base";

/** The family, from the smallest on. */
export const SIZES = ["nano", "small", "base"] as const;
export type Size = (typeof SIZES)[number];

export interface ReleaseFile {
  name: string;
  role: string;
  bytes: number;
  sha256: string;
}

/** A network and the JSON that describes it. */
export interface Pair {
  model: ReleaseFile;
  sidecar: ReleaseFile;
}

export interface Manifest {
  v: 2;
  region: string;
  version: string;
  seq: number;
  created_at: Instant;
  expires_at: Instant;
  min_app: number;
  files: ReleaseFile[];
  golden: { name: string; counts: Partial<Record<Size, Counts>> };
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const VERSION = /^[A-Za-z0-9-]{1,40}-\d{8}-\d{1,4}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const MOST_BYTES = 64_000_000;

/**
 * Reads a manifest whose signature was checked.
 *
 * @throws Problem 422.20 when it is none
 */
export function parseManifest(content: Uint8Array): Manifest {
  const refuse = (detail: string): never => {
    throw new Problem("422.20", { name: "manifest.json", detail });
  };
  const manifest = parseJson(content, "manifest.json") as Manifest;
  if (manifest?.v !== 2) return refuse("not version 2 of the format");
  if (!VERSION.test(manifest.version)) return refuse("no version");
  if (!isCount(manifest.seq, 1) || !isCount(manifest.min_app, 1)) return refuse("no seq or min_app");
  if (!isInstant(manifest.created_at) || !isInstant(manifest.expires_at)) return refuse("no dates");
  if (typeof manifest.region !== "string" || !Array.isArray(manifest.files)) return refuse("no region or files");
  if (!manifest.files.every(isFile)) return refuse("a file is described wrongly");
  if (!pairOf(manifest, "small")) return refuse("no small model");
  const { golden } = manifest;
  if (!manifest.files.some((file) => file.name === golden?.name)) return refuse("the golden picture is not in it");
  for (const size of SIZES) {
    const counts = golden.counts?.[size];
    if (pairOf(manifest, size) && !(counts && Object.values(counts).every((n) => isCount(n, 0)))) {
      return refuse(`no golden counts of ${size}`);
    }
  }
  return manifest;
}

/** JSON from bytes; Problem 422.20 when it is none. */
export function parseJson(content: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch {
    throw new Problem("422.20", { name, detail: "not JSON" });
  }
}

/** The model of a size, or the gate, and its sidecar; null when the release lacks them. */
export function pairOf({ files }: Manifest, name: Size | "gate"): Pair | null {
  const model = files.find((file) => file.name === `${name}.tflite`);
  const sidecar = files.find((file) => file.name === `${name}.json`);
  return model && sidecar ? { model, sidecar } : null;
}

/** What a phone that uses a size needs of a release: that model, the gate, the golden picture. */
export function filesFor(manifest: Manifest, size: Size): ReleaseFile[] {
  const pairs = [pairOf(manifest, size), pairOf(manifest, "gate")].filter((pair) => pair !== null);
  const golden = manifest.files.filter(({ name }) => name === manifest.golden.name);
  return [...pairs.flatMap(({ model, sidecar }) => [model, sidecar]), ...golden];
}

function isFile(file: ReleaseFile): boolean {
  return NAME.test(file?.name) && SHA256.test(file.sha256) && isCount(file.bytes, 1) && file.bytes <= MOST_BYTES;
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function isInstant(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}
