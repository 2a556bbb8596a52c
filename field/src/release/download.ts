/** Downloads one file of a release; what came before the connection broke is not downloaded again. */

import { Problem } from "../problem";
import { API } from "../sync/sync";
import type { Manifest, ReleaseFile } from "./manifest";
import { shelf } from "./shelf";
import { checkFile } from "./verify";

/** How much may be lost when the browser is killed. */
const KEEP_EVERY_BYTES = 65_536;

/**
 * Fetches a file and compares it with the manifest.
 *
 * @throws Problem 502.1 when the connection breaks, 422.21 when something else came than was signed
 */
export async function download({ region, version }: Manifest, file: ReleaseFile): Promise<Uint8Array<ArrayBuffer>> {
  const part = (await (await shelf()).get("parts", file.sha256)) ?? new Uint8Array();
  const content = await rest(`${API}/releases/${region}/${version}/${file.name}`, file, part);
  // Good or not, the part has served: a wrong one must not spoil the next try.
  await (await shelf()).delete("parts", file.sha256);
  await checkFile(file, content);
  return content;
}

async function rest(address: string, file: ReleaseFile, part: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const response = await ask(address, part.length);
  let length = response.status === 206 ? part.length : 0;
  let kept = length;
  const content = new Uint8Array(file.bytes);
  content.set(part.subarray(0, length));
  const reader = response.body?.getReader();
  if (!reader) throw new Problem("502.2");
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return content.subarray(0, length);
      if (length + value.length > file.bytes) throw new Problem("422.21", { name: file.name });
      content.set(value, length);
      length += value.length;
      if (length - kept >= KEEP_EVERY_BYTES) {
        await (await shelf()).put("parts", content.slice(0, length), file.sha256);
        kept = length;
      }
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    await (await shelf()).put("parts", content.slice(0, length), file.sha256);
    throw new Problem("502.1");
  }
}

async function ask(address: string, from: number): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, from > 0 ? { headers: { range: `bytes=${from}-` } } : {});
  } catch {
    throw new Problem("502.1");
  }
  // 416: everything was there already, or the part is not one of this file. Begin anew.
  if (response.status === 416) return ask(address, 0);
  if (!response.ok) throw new Problem("502.2");
  return response;
}
