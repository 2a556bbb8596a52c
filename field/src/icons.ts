/** Pictures that say what a button does: drawn by us, one line width, in the colour of the text around them. */

const PATHS = {
  camera:
    '<path d="M3 8.5A1.5 1.5 0 0 1 4.5 7H7l1.6-2.5h6.8L17 7h2.5A1.5 1.5 0 0 1 21 8.5v9a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5z"/><circle cx="12" cy="13" r="3.6"/>',
  "zoom-in": '<circle cx="10.5" cy="10.5" r="7"/><path d="m15.5 15.5 6 6M10.5 7.5v6M7.5 10.5h6"/>',
  "zoom-out": '<circle cx="10.5" cy="10.5" r="7"/><path d="m15.5 15.5 6 6M7.5 10.5h6"/>',
  undo: '<path d="M8 4 3.5 8.5 8 13M3.5 8.5H15a6 6 0 0 1 0 12H8"/>',
  gallery:
    '<rect x="3" y="4.5" width="18" height="15" rx="1.5"/><circle cx="8.3" cy="9.5" r="1.6"/><path d="m4 18 5-5 3.5 3.5L16 12l4.5 5"/>',
  hand: '<path d="M5 4v11M9 4v11M13 4v11M17 4v11M2.5 13.5 20 5.5"/><path d="M4 20h16"/>',
  plus: '<path d="M12 4.5v15M4.5 12h15"/>',
  minus: '<path d="M4.5 12h15"/>',
  check: '<path d="m4 12.5 5.5 5.5L20 6.5"/>',
  cross: '<path d="M5.5 5.5l13 13M18.5 5.5l-13 13"/>',
  back: '<path d="M20 12H5M11 5.5 4.5 12l6.5 6.5"/>',
  next: '<path d="M4 12h15M13 5.5l6.5 6.5-6.5 6.5"/>',
  traps: '<path d="M3 17 12 6l9 11z"/><path d="M12 6V3M9 17l3-3.5L15 17"/>',
  outbox: '<path d="M12 15V4M7.5 8 12 3.5 16.5 8"/><path d="M4 13v6.5h16V13"/>',
  sms: '<path d="M3.5 4.5h17v12H11l-4.5 4v-4h-3z"/><path d="M8 10.5v.1M12 10.5v.1M16 10.5v.1"/>',
  settings:
    '<circle cx="12" cy="12" r="3.2"/><path d="M12 2.5v3M12 18.5v3M2.5 12h3M18.5 12h3M5.3 5.3l2.1 2.1M16.6 16.6l2.1 2.1M5.3 18.7l2.1-2.1M16.6 7.4l2.1-2.1"/>',
  speaker: '<path d="M4 9.5v5h3.5L12.5 19V5L7.5 9.5z"/><path d="M16 9a4.5 4.5 0 0 1 0 6M18.7 6a9 9 0 0 1 0 12"/>',
  mute: '<path d="M4 9.5v5h3.5L12.5 19V5L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5"/>',
  stop: '<rect x="6" y="6" width="12" height="12" rx="1"/>',
  language: '<circle cx="12" cy="12" r="9"/><path d="M3 12h18M12 3c-5.5 6-5.5 12 0 18M12 3c5.5 6 5.5 12 0 18"/>',
  eye: '<path d="M2 12c5-8.5 15-8.5 20 0-5 8.5-15 8.5-20 0z"/><circle cx="12" cy="12" r="3.2"/>',
  clock: '<circle cx="12" cy="12" r="9"/><path d="M12 6.5V12l4 3"/>',
  calendar: '<rect x="3.5" y="5" width="17" height="15.5" rx="1.5"/><path d="M3.5 10h17M8 2.8V7M16 2.8V7"/>',
  lure: '<path d="M8.5 3.5h7v4l1.5 3v8a2 2 0 0 1-2 2H9a2 2 0 0 1-2-2v-8l1.5-3z"/><path d="M7.2 13h9.6"/>',
  empty: '<path d="M5 7.5h14l-1.5 13h-11zM3.5 7.5h17M9 4h6"/>',
  place:
    '<path d="M12 21.5c-4.5-5.5-6.5-9-6.5-12a6.5 6.5 0 0 1 13 0c0 3-2 6.5-6.5 12z"/><circle cx="12" cy="9.5" r="2.3"/>',
  phone: '<rect x="6.5" y="2.5" width="11" height="19" rx="2"/><path d="M10.5 18.5h3"/>',
  officer: '<circle cx="12" cy="7.5" r="4"/><path d="M4 21c.5-5 3.5-7.5 8-7.5s7.5 2.5 8 7.5M8 4.5h8"/>',
  file: '<path d="M6 2.5h8l4.5 4.5v14.5H6z"/><path d="M13.5 2.5v5h5M12 11v7M9 15l3 3 3-3"/>',
  sun: '<circle cx="12" cy="12" r="4"/><path d="M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2"/>',
  dark: '<path d="M19.5 14.5A8.5 8.5 0 1 1 9.5 4.5a7 7 0 0 0 10 10z"/>',
  blur: '<circle cx="12" cy="12" r="2.5"/><circle cx="12" cy="12" r="6" stroke-dasharray="3 2.5"/><circle cx="12" cy="12" r="9.5" stroke-dasharray="2 4"/>',
  far: '<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"/><circle cx="12" cy="12" r="1.5"/>',
  question: '<circle cx="12" cy="12" r="9"/><path d="M9 9.5a3 3 0 1 1 4.3 2.7c-.9.5-1.3 1-1.3 2M12 17v.5"/>',
  calm: '<circle cx="12" cy="12" r="9"/><path d="m7.5 12.5 3.2 3.2 6-6.5"/>',
  watch: '<path d="M12 3 22 20.5H2z"/><path d="M12 9.5v5.5M12 17.5v.5"/>',
  alarm: '<path d="M8 2.5h8l5.5 5.5v8L16 21.5H8L2.5 16V8z"/><path d="M12 7v6.5M12 16.5v.5"/>',
  again: '<path d="M20 11a8 8 0 0 0-14.5-3.5L3.5 10M3.5 4.5V10H9M4 13a8 8 0 0 0 14.5 3.5l2-2.5M20.5 19.5V14H15"/>',
  adult: '<circle cx="12" cy="6" r="3.5"/><path d="M5 21v-3.5a5 5 0 0 1 5-5h4a5 5 0 0 1 5 5V21"/>',
  lock: '<rect x="5" y="10.5" width="14" height="10.5" rx="1.5"/><path d="M8 10.5V7.5a4 4 0 0 1 8 0v3M12 14.5v2.5"/>',
  chip: '<rect x="6" y="6" width="12" height="12" rx="1.5"/><path d="M9.5 2.5V6M14.5 2.5V6M9.5 18v3.5M14.5 18v3.5M2.5 9.5H6M2.5 14.5H6M18 9.5h3.5M18 14.5h3.5"/>',
  pencil: '<path d="M4 20l1-5L16 4l4 4L9 19zM13.5 6.5l4 4"/>',
  gauge: '<path d="M3.5 17.5a9 9 0 1 1 17 0zM12 15l4-6"/><circle cx="12" cy="15" r="1"/>',
  // The sizes of the model: the more bars are full, the more exact and the slower.
  nano: '<path d="M3.5 14h4v6h-4z" fill="currentColor"/><path d="M10 9h4v11h-4zM16.5 4h4v16h-4z"/>',
  small: '<path d="M3.5 14h4v6h-4zM10 9h4v11h-4z" fill="currentColor"/><path d="M16.5 4h4v16h-4z"/>',
  base: '<path d="M3.5 14h4v6h-4zM10 9h4v11h-4zM16.5 4h4v16h-4z" fill="currentColor"/>',
  // Traps
  delta: '<path d="M2.5 18 12 5l9.5 13z"/><path d="M12 5V2M7 18c1.5-3 8.5-3 10 0"/>',
  funnel: '<path d="M7 4.5h10M12 2v2.5M5.5 8h13l-4 5.5v6a2.5 2.5 0 0 1-5 0v-6z"/>',
  sleeve: '<path d="M7.5 4h9l-2 4.5v10.5a2.5 2.5 0 0 1-5 0V8.5zM12 1.5V4M9.5 16h5"/>',
  water: '<path d="M3 11h18l-2 8H5zM6 14.5c2-1.3 4 1.3 6 0s4 1.3 6 0M12 11V4M9 4h6"/>',
  sticky:
    '<rect x="6" y="4.5" width="12" height="15" rx="1"/><path d="M12 2v2.5M9.5 9v.5M14 11.5v.5M10.5 15v.5M15 7.5v.5"/>',
  light: '<path d="M9 14.5a5 5 0 1 1 6 0V17H9zM9.5 20h5M12 1.5v.5M4 4.5l.7.7M20 4.5l-.7.7"/>',
  // Crops
  cotton:
    '<path d="M12 14c-4 1.5-7-1-6-4-2.5-2.5.5-6 3.5-5 1-3 5-3 6 .2 3-.7 5.3 2.7 3 5 .7 3-2.5 5.3-6.5 3.8z"/><path d="M12 13v8.5M12 17.5c-2 0-3.5-1-4-2.5M12 18.5c2 0 3.5-1 4-2.5"/>',
  tomato:
    '<circle cx="12" cy="14" r="7.5"/><path d="M12 6.5V3M12 6.5c-1.5 2-3 2.5-5 2.2M12 6.5c1.5 2 3 2.5 5 2.2M12 6.5v3"/>',
  maize:
    '<path d="M12 2.5c3 2.5 4 6 4 9.5s-1.5 6.5-4 8.5c-2.5-2-4-5-4-8.5s1-7 4-9.5z"/><path d="M8.5 9h7M8 12.5h8M8.7 16h6.6M12 2.5v18M6 10c-1.5 4-1 8.5 2 11.5M18 10c1.5 4 1 8.5-2 11.5"/>',
  rice: '<path d="M9 21.5C10 13 11 7 16.5 3M16.5 3c1.5.5 2 2 1 3.5M14 6c1.7.7 2 2.3 1 4M12.3 9.5c1.7.7 2 2.3 1 4M13.5 5.5C11.7 5 10.5 6 10.5 8M11.5 9c-1.8-.4-3 .6-3 2.5M10.5 13c-1.8-.4-3 .6-3 2.5"/>',
  pulse:
    '<path d="M5 5c0 8 4 14 14 14.5C19 11 15 5 5 5z"/><circle cx="9" cy="9" r="1"/><circle cx="12" cy="12.5" r="1"/><circle cx="15.5" cy="15.8" r="1"/>',
  okra: '<path d="M7 4.5c2-1.5 5-1 6 1.5l5 15c-6-2-10.5-8-11-16.5zM9.5 6l7 13M9 3l-1-1.5"/>',
  brinjal:
    '<path d="M9.5 8c-4.5 2-6 6-4 9.5s8 4.5 11.5.5 2.5-8-1-11.5zM13 8.5c1.5-3 3.5-3.5 6-5M9.5 8c0-2 3-3.5 6.5-1.5"/>',
  cabbage:
    '<circle cx="12" cy="12.5" r="8.5"/><path d="M12 21c-5-4-5-10 0-13 5 3 5 9 0 13zM4.5 9c2.5 0 4.5 1 5.5 3M19.5 9c-2.5 0-4.5 1-5.5 3"/>',
  flower:
    '<circle cx="12" cy="9" r="2.5"/><path d="M12 6.5c-2-4 2-4 0 0zM14.3 8.2c3.2-2.8 4.4 1 0 0zM13.5 11c3.6 2.3.4 4.7 0 0zM10.5 11c-.4 4.7-3.6 2.3 0 0zM9.7 8.2c-4.4 1-3.2-2.8 0 0z"/><path d="M12 14v7.5M12 19c-2 0-3.5-1-4-2.5M12 20c2 0 3.5-1 4-2.5"/>',
  boll: '<path d="M12 4.5c5 3 6 8.5 3 12a5 5 0 0 1-6 0c-3-3.5-2-9 3-12z"/><path d="M12 4.5V17M7 16l-3.5 2.5M17 16l3.5 2.5M12 17.5V21M8.5 17l-1 3.5M15.5 17l1 3.5"/>',
  share:
    '<circle cx="6" cy="12" r="2.8"/><circle cx="17.5" cy="5.5" r="2.8"/><circle cx="17.5" cy="18.5" r="2.8"/><path d="m8.5 10.6 6.6-3.7M8.5 13.4l6.6 3.7"/>',
  leaf: '<path d="M5 19.5C3 10 9 3.5 20.5 3.5 21 14 15 21 5 19.5zM3 21.5 14 10"/>',
} as const;

export type IconName = keyof typeof PATHS;

/** An icon that says nothing to a screen reader: the words beside it do. */
export function icon(name: IconName, extraClass = ""): SVGSVGElement {
  return drawn("0 0 24 24", PATHS[name], `icon ${extraClass}`.trim());
}

/** An svg element out of our own drawing; never call it with anything that a person typed. */
export function drawn(viewBox: string, markup: string, className: string): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  svg.innerHTML = markup;
  return svg;
}
