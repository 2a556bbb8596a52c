/**
 * Sends photos, one at a time and part by part, after the facts.
 *
 * Promises: what has arrived once is not sent again, whatever broke off in between, the link or the phone: the server says
 * how much is there. A photo that the server refuses is marked with its reason and holds up no other; a server that
 * has trouble with photos holds up no counts.
 */

import { Problem, problemJson } from "../problem";
import type { Enrolment } from "../store/database";
import { photosToSend, settlePhoto } from "../store/outbox";
import { maySendPhotos } from "./photo-policy";
import { Refusal, request } from "./sync";

/** Half a minute over 2G: what a link that breaks off may cost at most. */
export const PART_BYTES = 64_000;
const FINAL = [400, 403, 404, 413, 415, 422];

interface PhotoState {
  offset: number;
  complete: boolean;
}

/**
 * Sends photos whose observation has arrived and whose farmer agreed, as long as they may go.
 *
 * @param asked a person waits for it.
 * @throws Refusal for 401 and 429, Problem 502.1 without a connection
 */
export async function sendPhotos(enrolment: Enrolment, asked: boolean): Promise<void> {
  for (const { sha256, photo } of (await maySendPhotos(asked)) ? await photosToSend() : []) {
    try {
      if (!(await sendPhoto(enrolment, sha256, photo, asked))) return;
      await settlePhoto(sha256, null);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status >= 500) return;
      if (!FINAL.includes(error.status)) throw error;
      // Bytes that the link spoilt are sent again next time; bytes that this phone's storage spoilt never become the photo.
      if (error.problem.number !== "422.6" || !(await isWhole(photo, sha256))) await settlePhoto(sha256, error.problem);
    }
  }
}

/** Sends what the server lacks of a photo; false when photos may not go any more. */
async function sendPhoto({ token }: Enrolment, sha256: string, photo: Blob, asked: boolean): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` };
  const ask = async (init: RequestInit): Promise<PhotoState> =>
    (await request(`/photos/${sha256}`, init)) as PhotoState;
  let { offset, complete } = await ask({ headers });
  let isToldWhere = false;
  while (!complete) {
    if (!(await maySendPhotos(asked))) return false;
    const body = await bytesOf(photo.slice(offset, offset + PART_BYTES));
    const place = { "upload-offset": String(offset), "upload-length": String(photo.size) };
    const before = offset;
    try {
      ({ offset, complete } = await ask({ method: "PATCH", headers: { ...headers, ...place }, body }));
      isToldWhere = false;
    } catch (error) {
      // A part that was believed lost has arrived after all. Told so twice in a row, somebody else is sending.
      if (!(error instanceof Refusal && error.problem.number === "409.2") || isToldWhere) throw error;
      const { offset: arrived } = error.problem.params;
      offset = Number(arrived);
      isToldWhere = true;
      continue;
    }
    // A server that stands still would be asked for ever.
    if (!complete && !(offset > before)) throw new Refusal(502, problemJson(new Problem("502.2")));
  }
  return true;
}

/** Android may take a stored photo's bytes away; then it can never be sent. */
async function bytesOf(part: Blob): Promise<ArrayBuffer> {
  try {
    return await part.arrayBuffer();
  } catch (error) {
    throw new Refusal(422, problemJson(new Problem("500.2", { detail: String(error) })));
  }
}

async function isWhole(photo: Blob, sha256: string): Promise<boolean> {
  const bytes = await photo.arrayBuffer().catch(() => new ArrayBuffer(0));
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}
