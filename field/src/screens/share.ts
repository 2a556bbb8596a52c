/** The advice as a picture and a text for the neighbours, through the phone's own share sheet. */

import { dateText, type Message, number, t } from "../i18n";
import type { AdviceJson } from "../sync/protocol";
import { messagesOf, standingOf } from "../trap/advice";
import type { MyTrap } from "../trap/my-traps";
import { pestPicture } from "../trap/pest-picture";
import { pestName } from "../trap/pests";
import { CROPS, countText, isUnknown } from "../trap/trap";
import { say } from "./frame";

const WIDTH = 720;
const MARGIN = 40;
const PICTURE = 160;
const FONT = 'system-ui, "Noto Sans", sans-serif';

/** A line of the card: its size, and whether it is bold. */
type Line = [text: string, size: number, bold?: boolean];

/** Nothing in it says where the trap hangs or whose it is. */
function linesOf(trap: MyTrap, advice: AdviceJson): Line[] {
  const last = trap.counts.at(-1);
  const text = (message: Message | string): string => String(message);
  const lines: Line[] = [[`${pestName(trap.pest)} · ${CROPS[trap.crop].name()}`, 36, true]];
  if (last) {
    lines.push([`${countText(last)} · ${dateText(new Date(last.taken_at))}`, 34]);
  }
  if (advice.catch_rate !== null && last && !isUnknown(last)) {
    lines.push([text(t("Insects each night: %(rate)s", { rate: advice.catch_rate })), 34, true]);
  }
  const limit = advice.threshold?.value_per_night ?? null;
  if (limit !== null)
    lines.push([text(t("Inspect the plants from: %(limit)s each night", { limit: number(limit) })), 30]);
  return [...lines, ...messagesOf(advice).map((sentence): Line => [sentence.text, 32])];
}

export async function shareAdvice(trap: MyTrap, advice: AdviceJson): Promise<void> {
  const lines = linesOf(trap, advice);
  const title = String(standingOf(advice).name);
  const text = [title, ...lines.map(([line]) => line)].join("\n");
  const picture = await drawCard(trap, advice, title, lines);
  const files = [new File([picture], "pestwatch.png", { type: "image/png" })];
  try {
    if (navigator.canShare?.({ files })) await navigator.share({ files, text });
    else if (navigator.share) await navigator.share({ text });
    else await keepInstead(picture, text);
  } catch (error) {
    // Whoever closes the share sheet has changed their mind.
    if (!(error instanceof DOMException && error.name === "AbortError")) await keepInstead(picture, text);
  }
}

/** Without a share sheet: the picture among the downloads, the text ready to be pasted. */
async function keepInstead(picture: Blob, text: string): Promise<void> {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(picture);
  link.download = "pestwatch.png";
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  await navigator.clipboard?.writeText(text).catch(() => {});
  say(t("The picture is in your downloads."));
}

async function drawCard(trap: MyTrap, advice: AdviceJson, title: string, lines: Line[]): Promise<Blob> {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const rows = lines.flatMap(([text, size, bold]) => wrapped(context, text, size, bold ?? false));
  const head = PICTURE + MARGIN * 2;
  canvas.width = WIDTH;
  canvas.height = head + MARGIN + rows.reduce((height, { size }) => height + size * 1.6, 0) + MARGIN * 2;
  const [strong, soft] = coloursOf(standingOf(advice).class);
  context.fillStyle = soft;
  context.fillRect(0, 0, WIDTH, canvas.height);
  context.fillStyle = strong;
  context.fillRect(0, 0, WIDTH, head);
  context.drawImage(await asImage(pestPicture(trap.pest)), MARGIN, MARGIN, PICTURE, PICTURE);
  context.fillStyle = "#10140f";
  context.textBaseline = "middle";
  const beside = WIDTH - PICTURE - MARGIN * 3;
  const words = wrapped(context, title, 48, true, beside);
  words.forEach(({ text, font }, index) => {
    context.font = font;
    context.fillText(text, PICTURE + MARGIN * 2, head / 2 + (index - (words.length - 1) / 2) * 64);
  });
  let y = head + MARGIN;
  for (const { text, font, size } of rows) {
    context.font = font;
    context.fillText(text, MARGIN, y + size * 0.8);
    y += size * 1.6;
  }
  context.font = `24px ${FONT}`;
  context.fillText("pestwatch", MARGIN, canvas.height - MARGIN);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!blob) throw new Error("the browser made no picture");
  return blob;
}

/** A sentence in rows that fit; words of all our languages are parted by spaces. */
function wrapped(
  context: CanvasRenderingContext2D,
  sentence: string,
  size: number,
  bold: boolean,
  width = WIDTH - MARGIN * 2,
): { text: string; font: string; size: number }[] {
  const font = `${bold ? "bold " : ""}${size}px ${FONT}`;
  context.font = font;
  const rows: string[] = [];
  for (const word of sentence.split(" ")) {
    const longer = rows.length > 0 ? `${rows.at(-1)} ${word}` : word;
    if (rows.length > 0 && context.measureText(longer).width <= width) rows[rows.length - 1] = longer;
    else rows.push(word);
  }
  return rows.map((text) => ({ text, font, size }));
}

/** The colours of a level, as the style sheet has them. */
function coloursOf(className: string): [strong: string, soft: string] {
  const sample = document.createElement("i");
  sample.className = className;
  document.body.append(sample);
  const style = getComputedStyle(sample);
  const colours = ["--level-strong", "--level"].map((name) => style.getPropertyValue(name).trim() || "#fff");
  sample.remove();
  return colours as [string, string];
}

async function asImage(svg: SVGSVGElement): Promise<HTMLImageElement> {
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("width", String(PICTURE));
  svg.setAttribute("height", String(PICTURE));
  for (const [name, value] of Object.entries({ stroke: "#2a241d", "stroke-width": "1.6", "stroke-linecap": "round" })) {
    svg.setAttribute(name, value);
  }
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
  await image.decode();
  return image;
}
