/** A trap's days as a file for the phone's own calendar: it rings without a network, without us, and without the app. */

import type { Message } from "../i18n";
import type { CalendarDate } from "../sync/protocol";
import { type Due, dueName } from "./due";
import type { MyTrap } from "./my-traps";
import { calendarDate, daysBefore, noonOf } from "./trap";

/** So many repetitions, twice a week, are a season. */
const REPEATED = 40;
const EVERY_DAYS = 4;

/** Each is a whole day; what is late already begins today. */
export function calendarFile(trap: MyTrap, dues: Due[], now: Date): string {
  const stamp = `${now.toISOString().replace(/[-:]/g, "").slice(0, 15)}Z`;
  const events = dues.map((due) => {
    const from = due.days < 0 ? calendarDate(now) : due.on;
    return [
      "BEGIN:VEVENT",
      `UID:${trap.trap}-${due.what}@pestwatch`,
      `DTSTAMP:${stamp}`,
      `DTSTART;VALUE=DATE:${plain(from)}`,
      `DTEND;VALUE=DATE:${plain(calendarDate(daysBefore(noonOf(from), -1)))}`,
      ...(due.what === "count" ? [`RRULE:FREQ=DAILY;INTERVAL=${EVERY_DAYS};COUNT=${REPEATED}`] : []),
      folded(`SUMMARY:${escaped(`${trap.name}: ${dueName(due)}`)}`),
      "BEGIN:VALARM",
      "ACTION:DISPLAY",
      folded(`DESCRIPTION:${escaped(`${trap.name}: ${dueName(due)}`)}`),
      // Six in the morning of the day, before the sun is hot.
      "TRIGGER;RELATED=START:PT6H",
      "END:VALARM",
      "END:VEVENT",
    ].join("\r\n");
  });
  const head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//pestwatch//field//EN"];
  return `${[...head, ...events, "END:VCALENDAR"].join("\r\n")}\r\n`;
}

const plain = (day: CalendarDate): string => day.replaceAll("-", "");
const escaped = (text: string | Message): string =>
  String(text)
    .replace(/[\\;,]/g, "\\$&")
    .replace(/\s+/g, " ");

/** A line of at most 75 bytes, the rest on lines that begin with a space; no letter is cut. Source: RFC 5545, 3.1. */
function folded(line: string): string {
  const encoder = new TextEncoder();
  const rows = [""];
  for (const letter of line) {
    const row = rows.at(-1) ?? "";
    if (encoder.encode(row + letter).length > 74) rows.push(` ${letter}`);
    else rows[rows.length - 1] = row + letter;
  }
  return rows.join("\r\n");
}
