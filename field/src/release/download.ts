/** Downloads one file of a release; what came before the connection broke is not downloaded again. */

import { API } from "../sync/sync";
import { fetchRest } from "./fetch-rest";
import type { Manifest, ReleaseFile } from "./manifest";
import { shelf } from "./shelf";
import { checkFile } from "./verify";

/**
 * Fetches a file and compares it with the manifest.
 *
 * @throws Problem 502.1 when the connection breaks, 422.21 when something else came than was signed
 */
export async function download({ region, version }: Manifest, file: ReleaseFile): Promise<Uint8Array<ArrayBuffer>> {
  const db = await shelf();
  const { content } = await fetchRest(`${API}/releases/${region}/${version}/${file.name}`, {
    bytes: file.bytes,
    part: (await db.get("parts", file.sha256)) ?? new Uint8Array(),
    keepPart: async (part) => (await shelf()).put("parts", part, file.sha256),
  });
  // Good or not, the part has served: a wrong one must not spoil the next try.
  await (await shelf()).delete("parts", file.sha256);
  await checkFile(file, content);
  return content;
}
