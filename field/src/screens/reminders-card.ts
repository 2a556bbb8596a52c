/** What is due at one trap, and the two ways in which a phone can remind without our server. */

import { h } from "../elements";
import { t } from "../i18n";
import { calendarFile } from "../trap/calendar-file";
import type { Due } from "../trap/due";
import type { MyTrap } from "../trap/my-traps";
import { allowNotifications, notifications } from "../trap/reminders";
import { dueRows } from "./advice";
import { button, redraw, say } from "./frame";

export async function remindersCard(trap: MyTrap, dues: Due[]): Promise<HTMLElement> {
  const can = await notifications();
  const allow = async (): Promise<void> => {
    say((await allowNotifications()) ? t("The phone may remind you.") : t("This phone does not allow it."));
    redraw();
  };
  return h(
    "section",
    { class: "card", testid: "reminders" },
    dueRows(dues),
    h(
      "div",
      { class: "two" },
      button("calendar", t("Into the calendar"), { testid: "calendar-file", onclick: () => download(trap, dues) }),
      can === "off" && button("clock", t("Remind me"), { testid: "allow-notifications", onclick: allow }),
    ),
  );
}

/** Android asks which calendar, and that rings without a network and without the app. */
function download(trap: MyTrap, dues: Due[]): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([calendarFile(trap, dues, new Date())], { type: "text/calendar" }));
  link.download = `pestwatch-${trap.trap}.ics`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  say(t("Open the file: your calendar takes the days over."));
}
