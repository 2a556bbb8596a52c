/** Sending: what waits, what arrived, what was refused and why; send now; everything as a file. */

import { type Child, h } from "../elements";
import { dateText, type Message, number, type Params, t, timeText, tn } from "../i18n";
import { type IconName, icon } from "../icons";
import { type Delivery, database, type KeptPhoto } from "../store/database";
import { factsWithDeliveries, sendAgain } from "../store/outbox";
import { setting } from "../store/settings";
import { type FlushOutcome, type FlushReason, flush } from "../sync/flush";
import type { Fact, ProblemJson } from "../sync/protocol";
import { CLOCK_WARNING_MS } from "../sync/sync";
import { foldTraps, type MyTrap } from "../trap/my-traps";
import { countText } from "../trap/trap";
import { button, notice, redraw, type Screen, say } from "./frame";
import { smsButton } from "./sms-button";

/** The newest ones; the file has them all. */
const SHOWN = 60;

type Group = "waiting" | "arrived" | "refused" | "held";
const GROUP: Record<Delivery["status"], Group> = {
  waiting: "waiting",
  asking: "waiting",
  elsewhere: "held",
  stored: "arrived",
  duplicate: "arrived",
  conflict: "refused",
  rejected: "refused",
  quarantined: "held",
};

const GROUPS: Record<Group, { icon: IconName; words: () => Message }> = {
  waiting: { icon: "clock", words: () => t("Waits") },
  arrived: { icon: "check", words: () => t("Arrived") },
  refused: { icon: "cross", words: () => t("Refused") },
  held: { icon: "lock", words: () => t("Held back") },
};

const problemText = (problem: ProblemJson): Message => t(problem.message, problem.params);

export async function outboxScreen(): Promise<Screen> {
  const [stored, photos] = await Promise.all([factsWithDeliveries(), database().then((db) => db.getAll("photos"))]);
  const traps = new Map(foldTraps(stored, new Map(), undefined).map((trap) => [trap.trap, trap]));
  const totals: Record<Group, number> = { waiting: 0, arrived: 0, refused: 0, held: 0 };
  for (const { delivery } of stored) totals[GROUP[delivery.status]]++;
  const photoOf = new Map(photos.map((photo) => [photo.observation, photo]));

  const send = button("outbox", t("Send now"), {
    testid: "send-now",
    look: "main",
    onclick: () => sendNow(send, "asked"),
  });
  return {
    testid: "outbox",
    title: t("Sending"),
    tab: "outbox",
    body: [
      h(
        "ul",
        { class: "totals" },
        (Object.keys(GROUPS) as Group[])
          .filter((group) => group !== "held" || totals.held > 0)
          .map((group) =>
            h(
              "li",
              { class: `total ${group}`, testid: `total-${group}`, "data-count": totals[group] },
              icon(GROUPS[group].icon),
              h("strong", {}, number(totals[group])),
              h("span", {}, GROUPS[group].words()),
            ),
          ),
      ),
      await lastTime(stored),
      await whatHolds(),
      send,
      await smsButton(stored),
      await photosWaiting(photos),
      h(
        "ol",
        { class: "rows", testid: "outbox-items" },
        [...stored]
          .reverse()
          .slice(0, SHOWN)
          .map(({ fact, delivery }) => row(fact, delivery, traps, photoOf.get(fact.seq))),
      ),
      stored.length > SHOWN && h("p", { class: "quiet" }, t("The file has all of them.")),
      stored.length > 0 &&
        h(
          "div",
          { class: "stack" },
          button("file", t("Save everything to a file"), { testid: "export", onclick: save }),
        ),
    ],
  };
}

async function save(): Promise<void> {
  await (await import("./put-back")).saveToFile();
}

async function sendNow(send: HTMLElement, reason: FlushReason): Promise<void> {
  send.setAttribute("disabled", "");
  const outcome = await flush(reason);
  send.removeAttribute("disabled");
  const words: Record<FlushOutcome["state"], () => Message> = {
    sent: () => t("Sent"),
    "not-enrolled": () => t("Sending needs an enrolment code. Your counts are safe on this phone."),
    "no-consent": () => t("You chose to keep everything on this phone."),
    "waiting-to-retry": () => t("It is sent later by itself."),
    failed: () => (outcome.problem ? problemText(outcome.problem) : t("It is sent later by itself.")),
  };
  say(words[outcome.state]());
  redraw();
}

/** When something last went out, and by which way: the server answers over data, an SMS is only handed over. */
async function lastTime(stored: { delivery: Delivery }[]): Promise<Child> {
  const at = await setting("last_synced_at");
  const smsAt = stored
    .map(({ delivery }) => delivery.sms_at ?? "")
    .sort()
    .at(-1);
  const when = (date: Date): Params => ({ day: dateText(date), time: timeText(date) });
  return h(
    "p",
    { class: "last-time", testid: "last-synced", "data-at": at ?? "" },
    at
      ? [icon("outbox", "small"), t("Last sent: %(day)s, %(time)s", when(new Date(at)))]
      : !smsAt && t("Nothing was sent yet"),
    at && smsAt && h("br"),
    smsAt && [icon("sms", "small"), t("Last SMS: %(day)s, %(time)s", when(new Date(smsAt)))],
  );
}

/** Photos that wait, what they cost, and why they wait; sent when a person says so. */
async function photosWaiting(photos: KeptPhoto[]): Promise<Child> {
  const waiting = photos.filter(({ status }) => status === "waiting");
  if (waiting.length === 0) return null;
  const kilobytes = Math.ceil(waiting.reduce((sum, { photo }) => sum + (photo?.size ?? 0), 0) / 1000);
  const now = button("camera", t("Send photos now"), {
    testid: "send-photos",
    onclick: () => sendNow(now, "photos"),
  });
  return notice(
    "plain",
    "camera",
    "photos-waiting",
    h(
      "p",
      {},
      tn("%(n)s photo waits: %(kilobytes)s kB", "%(n)s photos wait: %(kilobytes)s kB", waiting.length, { kilobytes }),
    ),
    now,
  );
}

/** Why nothing goes, if something stands in the way. */
async function whatHolds(): Promise<Child> {
  const [consent, enrolment, asking, problem, offset, told] = await Promise.all([
    setting("consent"),
    setting("enrolment"),
    setting("asking"),
    setting("last_problem"),
    setting("clock_offset_ms"),
    setting("notices"),
  ]);
  const notices: Child[] = [];
  if (!consent?.agreed) {
    notices.push(notice("plain", "lock", "no-consent", t("You chose to keep everything on this phone.")));
  } else if (!enrolment || enrolment.state === "unknown") {
    const words = asking
      ? asking.state === "waiting"
        ? t("Your officer is asked. Wait for a yes.")
        : t("The code is used as soon as there is a network.")
      : t("Sending needs an enrolment code. Your counts are safe on this phone.");
    const enter = button("officer", t("Enter the code"), { testid: "open-enrol", href: "#/enrol" });
    notices.push(notice("doubt", "officer", "not-enrolled", h("p", {}, words), enter));
  } else if (enrolment.state === "revoked") {
    notices.push(
      notice(
        "trouble",
        "lock",
        "revoked",
        t("Your officers have stopped this phone. Ask them why. Your counts stay here."),
      ),
    );
  }
  if (problem) notices.push(notice("trouble", "watch", "sync-problem", problemText(problem)));
  if (Math.abs(offset ?? 0) > CLOCK_WARNING_MS) {
    notices.push(
      notice("doubt", "clock", "clock-warning", t("The clock of this phone is wrong. Set date and time to automatic.")),
    );
  }
  // The clock has its own words above, said much earlier.
  for (const said of (told ?? []).filter(({ number }) => number !== "422.8")) {
    notices.push(notice("doubt", "officer", "server-notice", problemText(said)));
  }
  return notices;
}

function row(fact: Fact, delivery: Delivery, traps: Map<string, MyTrap>, photo: KeptPhoto | undefined): HTMLElement {
  const group = GROUP[delivery.status];
  const again = button("again", t("Send again"), {
    testid: "send-again",
    onclick: async () => {
      await sendAgain(fact.seq);
      await flush("asked");
      redraw();
    },
  });
  return h(
    "li",
    {
      class: group,
      testid: "outbox-item",
      "data-status": delivery.status,
      "data-seq": fact.seq,
      "data-kind": fact.kind,
    },
    h("span", { class: "by", role: "img", "aria-label": GROUPS[group].words() }, icon(GROUPS[group].icon)),
    h(
      "span",
      {},
      h("strong", {}, whatItIs(fact, traps)),
      h("br"),
      [nameOf(fact, traps), dateText(new Date(fact.at))].filter(Boolean).join(" · "),
      group === "waiting" && delivery.sms_at && [h("br"), icon("sms", "small"), t("Sent by SMS, not yet confirmed")],
      photo && [h("br"), icon("camera", "small"), photoWords(photo)],
      reason(delivery),
      group === "refused" && again,
    ),
  );
}

/** Why something did not count, and what to do. */
function reason({ status, problem }: Delivery): Child {
  const isOthers = status === "asking" || status === "elsewhere";
  const words =
    (problem && problemText(problem)) ||
    (status === "conflict" &&
      t("The server has something else under this number. Both are kept: tell your officer.")) ||
    (status === "quarantined" && t("Your officers look at it before it counts.")) ||
    (status === "asking" && t("First the server is asked: did the old phone send it?")) ||
    (status === "elsewhere" && t("The other phone sends it."));
  return words && h("span", { class: isOthers ? "quiet" : "reason", testid: "reason" }, isOthers && h("br"), words);
}

function whatItIs(fact: Fact, traps: Map<string, MyTrap>): Message {
  switch (fact.kind) {
    case "trap":
      return t("Trap");
    case "service":
      return fact.body.lure_changed ? t("New lure") : t("Trap emptied");
    case "correction":
      return tn("Corrected: %(n)s insect", "Corrected: %(n)s insects", sum(fact.body.counts));
    case "inspection":
      return t("Plants looked at");
    case "observation": {
      // The trap's own insect, as everywhere; whose trap was changed since is told all that was seen.
      const { counts, gate, trap } = fact.body;
      return countText({ count: counts[traps.get(trap)?.pest ?? ""] ?? sum(counts), gate });
    }
  }
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((total, n) => total + n, 0);

function nameOf(fact: Fact, traps: Map<string, MyTrap>): string {
  if (fact.kind !== "correction") return traps.get(fact.body.trap)?.name ?? "";
  const holder = [...traps.values()].find(({ counts }) => counts.some(({ seq }) => seq === fact.body.observation));
  return holder?.name ?? "";
}

function photoWords({ status, problem }: KeptPhoto): Message {
  if (status === "stored") return t("Photo arrived");
  if (status === "elsewhere") return t("The photo stays on this phone");
  return problem ? problemText(problem) : t("Photo waits");
}
