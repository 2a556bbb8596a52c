import { describe, expect, test } from "vitest";
import { refuseOddSizes } from "../../src/photo/decode";
import { readOrientation, readSize } from "../../src/photo/header";
import { goldenPhoto } from "../golden";

function photo(...parts: (number[] | string)[]): Blob {
  return new Blob(parts.map((part) => (typeof part === "string" ? part : Uint8Array.from(part))));
}

/** A frame header that says 4160 x 3120. */
const FRAME = [0xff, 0xc2, 0, 17, 8, 0x0c, 0x30, 0x10, 0x40, 3];

describe("the size of a picture is read from its header", () => {
  test("of drawn photos, PNG and JPEG, large and turned", async () => {
    expect(await readSize(goldenPhoto("liner-few.png"))).toEqual({ width: 300, height: 300 });
    expect(await readSize(goldenPhoto("large.jpg"))).toEqual({ width: 1100, height: 820 });
  });

  test("of a progressive JPEG behind metadata, tables, fill bytes and a thumbnail of another size", async () => {
    const thumbnail = [0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 96, 0, 128, 3];
    const exif = [0xff, 0xe1, 0, 2 + thumbnail.length, ...thumbnail];
    const tables = [0xff, 0xc4, 0, 4, 1, 2];
    const jpeg = photo([0xff, 0xd8], exif, tables, [0xff, 0xff], FRAME);
    expect(await readSize(jpeg)).toEqual({ width: 4160, height: 3120 });
  });

  test("of the three kinds of WebP", async () => {
    const rest = [0, 0, 0, 0, 0, 0];
    const lossy = photo(
      "RIFF",
      [0, 0, 0, 0],
      "WEBPVP8 ",
      [0, 0, 0, 0, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00],
    );
    const lossless = photo("RIFF", [0, 0, 0, 0], "WEBPVP8L", [0, 0, 0, 0, 0x2f, 0x3f, 0xc1, 0x3b, 0x00], rest);
    const extended = photo("RIFF", [0, 0, 0, 0], "WEBPVP8X", [10, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0x01, 0, 0xef, 0, 0]);
    for (const webp of [lossy, lossless, extended]) expect(await readSize(webp)).toEqual({ width: 320, height: 240 });
  });

  test.each([
    ["nothing", photo("")],
    ["text", photo("this is a letter, not a photo at all")],
    ["a JPEG that is cut off before its frame", photo([0xff, 0xd8, 0xff, 0xe0, 0, 16], "JFIF")],
    ["a JPEG whose picture begins without a frame", photo([0xff, 0xd8, 0xff, 0xda, 0, 12], "0123456789012345")],
    ["a JPEG of no width", photo([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 1, 0, 0, 0, 3, 0, 0])],
    [
      "endless segments",
      photo(
        [0xff, 0xd8],
        Array.from({ length: 4000 }, (_, i) => [0xff, 0xe0, 0, 2][i % 4]),
      ),
    ],
    ["another picture format", photo("GIF89a", Array(40).fill(1))],
  ])("of %s there is none", async (_, blob) => {
    expect(await readSize(blob)).toBeNull();
  });
});

describe("how a JPEG is to be turned", () => {
  const exif = (...tiff: number[]) => {
    const content = [0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff];
    return [0xff, 0xe1, 0, 2 + content.length, ...content];
  };
  const xmp = [0xff, 0xe1, 0, 20, ...new TextEncoder().encode("http://ns.adobe.co")];

  test("is read from EXIF in either byte order, behind other metadata", async () => {
    const big = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 2, 1, 0, 0, 3, 0, 0, 0, 1, 0, 9, 0, 0];
    const bigTag = [1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0];
    const little = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0];
    expect(await readOrientation(photo([0xff, 0xd8], xmp, exif(...big, ...bigTag), FRAME))).toBe(6);
    expect(await readOrientation(photo([0xff, 0xd8], exif(...little), FRAME))).toBe(8);
    expect(await readOrientation(goldenPhoto("turned.jpg"))).toBe(6);
  });

  test.each([
    ["without EXIF", [0xff, 0xd8, ...FRAME]],
    [
      "when EXIF says something odd",
      [0xff, 0xd8, ...exif(0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 77, 0, 0), ...FRAME],
    ],
    ["when EXIF points beyond itself", [0xff, 0xd8, ...exif(0x4d, 0x4d, 0, 42, 0x7f, 0, 0, 8, 0, 1, 0, 0), ...FRAME]],
    ["when EXIF comes after the frame", [0xff, 0xd8, ...FRAME]],
  ])("is not at all %s", async (_, bytes) => {
    expect(await readOrientation(photo(bytes))).toBe(1);
  });
});

describe("odd sizes are refused before anything is decoded", () => {
  test("100 megapixels", () => {
    expect(() => refuseOddSizes({ width: 12_000, height: 9000 }, "big.jpg")).toThrow(
      expect.objectContaining({ number: "422.4", params: { name: "big.jpg", megapixels: 108, limit: 50 } }),
    );
  });

  test("a long side under 96 pixels, while a narrow but long picture passes", () => {
    expect(() => refuseOddSizes({ width: 60, height: 95 }, "icon.png")).toThrow(
      expect.objectContaining({ number: "422.3", params: { name: "icon.png", side_px: 95, limit_px: 96 } }),
    );
    expect(() => refuseOddSizes({ width: 10, height: 96 }, "strip.png")).not.toThrow();
  });
});
