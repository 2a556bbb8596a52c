/**
 * Lays a .br and a .gz beside every built file that gets smaller by it: the server sends those as they are.
 *
 * Brotli at its slowest: it is paid once here, and by nobody on a 2G link. The engine alone takes half a minute, so what
 * was packed before is kept in node_modules/.cache under the hash of its content.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin, ResolvedConfig } from "vite";

const WORTH_IT = 0.95;
const PACKED_ALREADY = /\.(br|gz|pack|png|jpe?g|webp)$/;

function brotli(content: Buffer): Buffer {
  return brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
}

function gzip(content: Buffer): Buffer {
  return gzipSync(content, { level: 9 });
}

/** Packs, or finds what an earlier build has packed. */
function packed(content: Buffer, ending: "br" | "gz", root: string): Buffer {
  const cache = join(root, "node_modules/.cache/precompressed");
  mkdirSync(cache, { recursive: true });
  const path = join(cache, `${createHash("sha256").update(content).digest("hex")}.${ending}`);
  if (existsSync(path)) return readFileSync(path);
  const result = ending === "br" ? brotli(content) : gzip(content);
  writeFileSync(path, result);
  return result;
}

/** The packed form of a file, or null where packing is not worth it. */
function packedForm(name: string, content: Buffer, ending: "br" | "gz", root: string): Buffer | null {
  if (PACKED_ALREADY.test(name)) return null;
  const smaller = packed(content, ending, root);
  return smaller.length < content.length * WORTH_IT ? smaller : null;
}

/** How long a file is as it travels to a browser that takes brotli. */
export function sentBytes(name: string, content: Buffer, root: string): number {
  return (packedForm(name, content, "br", root) ?? content).length;
}

export function precompressed(): Plugin {
  let config: ResolvedConfig;
  return {
    name: "precompressed",
    apply: "build",
    enforce: "post",
    configResolved(resolved) {
      config = resolved;
    },
    writeBundle: {
      order: "post",
      sequential: true,
      handler() {
        const outDir = join(config.root, config.build.outDir);
        const entries = readdirSync(outDir, { recursive: true, withFileTypes: true });
        for (const entry of entries) {
          if (!entry.isFile()) continue;
          const path = join(entry.parentPath, entry.name);
          const content = readFileSync(path);
          for (const ending of ["br", "gz"] as const) {
            const smaller = packedForm(entry.name, content, ending, config.root);
            if (smaller) writeFileSync(`${path}.${ending}`, smaller);
          }
        }
      },
    },
  };
}
