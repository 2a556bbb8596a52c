/** Fetches a file in as many goes as the connection needs: what came before it broke is not fetched again. */

import { Problem } from "../problem";

type Bytes = Uint8Array<ArrayBuffer>;

/** How much may be lost when the browser is killed: three seconds of a 2G link. */
const KEEP_EVERY_BYTES = 32_768;

interface Wanted {
  /** Length of the whole file. */
  bytes: number;
  /** What came before. */
  part: Uint8Array;
  /** Keeps what is here: now and then, and when the connection breaks. */
  keepPart: (part: Bytes) => Promise<unknown>;
  onProgress?: (bytes: number) => void;
}

/**
 * Fetches what is missing; the caller compares the whole with what was signed or built.
 *
 * @throws Problem 502.1 when the connection breaks, 502.2 for an answer that is no file, 422.21 for a longer one
 */
export async function fetchRest(address: string, wanted: Wanted): Promise<{ content: Bytes; headers: Headers }> {
  const { bytes, part, keepPart, onProgress } = wanted;
  const response = await ask(address, part.length);
  let length = response.status === 206 ? part.length : 0;
  let kept = length;
  const content = new Uint8Array(bytes);
  content.set(part.subarray(0, length));
  const reader = response.body?.getReader();
  if (!reader) throw new Problem("502.2");
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { content: content.subarray(0, length), headers: response.headers };
      if (length + value.length > bytes) throw new Problem("422.21", { name: address.split("/").at(-1) ?? address });
      content.set(value, length);
      length += value.length;
      onProgress?.(length);
      if (length - kept >= KEEP_EVERY_BYTES) {
        await keepPart(content.slice(0, length));
        kept = length;
      }
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    await keepPart(content.slice(0, length));
    throw new Problem("502.1");
  }
}

async function ask(address: string, from: number): Promise<Response> {
  let response: Response;
  try {
    // Past the browser's own cache: the file is kept elsewhere, and a phone has no room for it twice.
    response = await fetch(address, { cache: "no-store", ...(from > 0 && { headers: { range: `bytes=${from}-` } }) });
  } catch {
    throw new Problem("502.1");
  }
  // 416: everything was there already, or the part is not one of this file. Begin anew.
  if (response.status === 416) return ask(address, 0);
  // A captive portal answers everything with a page of its own; that must not cost what came before.
  const isPage = response.headers.get("content-type")?.startsWith("text/html");
  if (!response.ok || isPage) throw new Problem("502.2");
  return response;
}
