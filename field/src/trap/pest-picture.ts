/**
 * A small drawing of each pest, so that nobody has to read its name.
 *
 * Drawn by us after what tells them apart at a glance (wing shape, main colour, one mark); not a key for identification.
 */

import { drawn } from "../icons";

type Shape = "moth" | "slim" | "fly" | "whitefly" | "hopper" | "thrips";

interface Look {
  shape: Shape;
  wing: string;
  mark: string;
  /** Extra drawing on the wings. */
  detail: string;
}

const LOOKS: Record<string, Look> = {
  PECTGO: {
    shape: "slim",
    wing: "#b98a83",
    mark: "#6d3f3a",
    detail: '<path d="M17 26l5-2M43 26l-5-2M19 34l5-2M41 34l-5-2"/>',
  },
  HELIAR: {
    shape: "moth",
    wing: "#d3b276",
    mark: "#6b4a1b",
    detail:
      '<circle cx="19" cy="28" r="2.5"/><circle cx="41" cy="28" r="2.5"/><path d="M10 38c6 0 10 2 13 6M50 38c-6 0-10 2-13 6"/>',
  },
  NOCTUID_LARGE: {
    shape: "moth",
    wing: "#a89784",
    mark: "#54473a",
    detail: '<circle cx="19" cy="29" r="2"/><circle cx="41" cy="29" r="2"/>',
  },
  PRODLI: {
    shape: "moth",
    wing: "#8d6b48",
    mark: "#f0dfc0",
    detail: '<path d="M14 20l9 18M46 20l-9 18M11 30l11 12M49 30l-11 12M10 37h10M50 37H40"/>',
  },
  LAPHFR: {
    shape: "moth",
    wing: "#8a8378",
    mark: "#efe7d8",
    detail: '<path d="M9 39l5 3M51 39l-5 3" stroke-width="5"/><path d="M17 26l5 3M43 26l-5 3"/>',
  },
  EARIVI: {
    shape: "slim",
    wing: "#9fb860",
    mark: "#3f5a18",
    detail: '<path d="M16 20l8 26M44 20l-8 26" stroke-width="4"/>',
  },
  SCIRIN: {
    shape: "slim",
    wing: "#f0cf56",
    mark: "#4a3a00",
    detail: '<circle cx="20" cy="33" r="2.5"/><circle cx="40" cy="33" r="2.5"/>',
  },
  PLUTMA: {
    shape: "slim",
    wing: "#8b7355",
    mark: "#f4ead2",
    detail: '<path d="M30 18l-4 6 4 6-4 6 4 6 4-6-4-6 4-6z" stroke-width="2.5"/>',
  },
  LEUIOR: {
    shape: "moth",
    wing: "#f2ede4",
    mark: "#8a3f2a",
    detail: '<path d="M14 22l7 4M46 22l-7 4M12 34l8 4M48 34l-8 4" stroke-width="4"/>',
  },
  GNORAB: {
    shape: "slim",
    wing: "#9b9288",
    mark: "#4b433a",
    detail: '<path d="M19 22v.5M22 30v.5M18 36v.5M41 22v.5M38 30v.5M42 36v.5" stroke-width="3.5"/>',
  },
  DACUDO: { shape: "fly", wing: "#6b4a2b", mark: "#f2c230", detail: '<path d="M25 25v6M35 25v6"/>' },
  DACUZO: { shape: "fly", wing: "#b5703a", mark: "#f2d24a", detail: '<path d="M25 25v6M35 25v6"/>' },
  DACUCU: { shape: "fly", wing: "#a5582a", mark: "#f2d24a", detail: '<path d="M25 25v6M30 24v7M35 25v6"/>' },
  BEMITA: { shape: "whitefly", wing: "#fdfdfa", mark: "#e9c94a", detail: "" },
  NILALU: { shape: "hopper", wing: "#9a6a3c", mark: "#5a3a1a", detail: "" },
  EMPOBI: { shape: "hopper", wing: "#a9c46a", mark: "#55701f", detail: "" },
  THRITB: { shape: "thrips", wing: "#c9a24a", mark: "#6b4f16", detail: "" },
  SCITDO: { shape: "thrips", wing: "#d8b85a", mark: "#6b4f16", detail: "" },
  THRIPL: { shape: "thrips", wing: "#e3cb6c", mark: "#6b4f16", detail: "" },
};

const UNKNOWN: Look = { shape: "moth", wing: "#b7aea2", mark: "#54473a", detail: "" };
const FEELERS = '<path d="M28 14c-2-5-5-7-9-8M32 14c2-5 5-7 9-8" fill="none"/>';

function markup({ shape, wing, mark, detail }: Look): string {
  const marks = `<g stroke="${mark}" fill="none" stroke-width="2.5">${detail}</g>`;
  switch (shape) {
    case "moth":
      return `${FEELERS}<path fill="${wing}" d="M29 17C17 15 8 24 6 40c8 6 17 5 23-2zM31 17c12-2 21 7 23 23-8 6-17 5-23-2z"/><path fill="${wing}" d="M28 38c-4 5-9 7-14 6 2 6 10 9 15 4zM32 38c4 5 9 7 14 6-2 6-10 9-15 4z"/>${marks}<path fill="#3d342b" d="M30 13c3 0 4 4 4 8 0 12-1 24-4 30-3-6-4-18-4-30 0-4 1-8 4-8z"/>`;
    case "slim":
      return `${FEELERS}<path fill="${wing}" d="M29 16c-9 3-15 18-16 34 6 4 12 2 16-4zM31 16c9 3 15 18 16 34-6 4-12 2-16-4z"/>${marks}<path fill="#3d342b" d="M30 12c3 0 3.5 4 3.5 8 0 11-1 22-3.5 27-2.5-5-3.5-16-3.5-27 0-4 .5-8 3.5-8z"/>`;
    case "fly":
      return `<path fill="#eef3f6" d="M26 26C16 26 7 33 5 44c9 4 18-2 22-12zM34 26c10 0 19 7 21 18-9 4-18-2-22-12z"/><circle fill="#7a2a1a" cx="25" cy="15" r="4"/><circle fill="#7a2a1a" cx="35" cy="15" r="4"/><ellipse fill="${wing}" cx="30" cy="26" rx="7.5" ry="8.5"/><path fill="${wing}" d="M24 34h12c3 6 0 15-6 20-6-5-9-14-6-20z"/><g stroke="${mark}" stroke-width="2.5" fill="none">${detail}<path d="M24 40h12M26 47h8"/></g>`;
    case "whitefly":
      return `<path fill="${wing}" d="M29 20c-8 4-14 16-14 28 6 3 12-1 14-8zM31 20c8 4 14 16 14 28-6 3-12-1-14-8z"/><path fill="${mark}" d="M30 13c3 0 4 3 4 7 0 9-1 18-4 22-3-4-4-13-4-22 0-4 1-7 4-7z"/><path d="M28 13l-4-5M32 13l4-5" fill="none"/>`;
    case "hopper":
      return `<path fill="${wing}" d="M22 12c4-5 12-5 16 0l4 16c1 10-4 20-12 24-8-4-13-14-12-24z"/><path d="M30 20v31M18 30l-8 4M42 30l8 4M19 38l-9 9M41 38l9 9" fill="none"/><circle fill="${mark}" cx="25" cy="13" r="2.5"/><circle fill="${mark}" cx="35" cy="13" r="2.5"/>`;
    case "thrips":
      return `<path fill="${wing}" d="M30 9c4 2 5 8 5 16 0 12-2 22-5 27-3-5-5-15-5-27 0-8 1-14 5-16z"/><path stroke="${mark}" fill="none" d="M25 22c-7 6-10 15-11 24M35 22c7 6 10 15 11 24M26 30h8M26 36h8M27 42h6"/>`;
  }
}

/** The drawing of a species; an unknown one gets a plain moth. */
export function pestPicture(pest: string): SVGSVGElement {
  return drawn("0 0 60 60", markup(LOOKS[pest] ?? UNKNOWN), "pest-picture");
}
