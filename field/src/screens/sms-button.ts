/** The way out without data: what waits, as a text that the phone's own SMS app sends. */

import type { Child } from "../elements";
import { tn } from "../i18n";
import type { Delivery, Fact } from "../store/database";
import { markAsSms } from "../store/outbox";
import { setting } from "../store/settings";
import { instant } from "../sync/protocol";
import { toTell, writeSms } from "../sync/sms";
import { button } from "./frame";

/**
 * A link to the SMS app with the text in it; nothing on a phone that has a connection or no SMS key, or when nothing waits.
 *
 * First go those that were never sent so; when all were, the text that was sent longest ago may be sent again.
 */
export async function smsButton(stored: { fact: Fact; delivery: Delivery }[]): Promise<Child> {
  const [enrolment, problem] = await Promise.all([setting("enrolment"), setting("last_problem")]);
  const isCutOff = !navigator.onLine || problem?.number === "502.1";
  if (!isCutOff || enrolment?.state !== "active" || !enrolment.sms) return null;
  const sentAt = new Map(stored.map(({ delivery }) => [delivery.seq, delivery.sms_at ?? ""]));
  const waiting = toTell(stored);
  const [turn] = waiting.map(({ fact }) => sentAt.get(fact.seq)).sort();
  if (turn === undefined) return null;
  const its = waiting.filter(({ fact }) => sentAt.get(fact.seq) === turn);
  const { text, fitted } = await writeSms(enrolment.device, enrolment.sms.key, its);
  const seqs = its
    .slice(0, fitted)
    .flatMap(({ fact: { seq }, corrected }) => (corrected === null ? [seq] : [seq, seq + 1]));
  const words = turn
    ? tn("Send %(n)s count as SMS again", "Send %(n)s counts as SMS again", fitted)
    : tn("Send %(n)s count as SMS", "Send %(n)s counts as SMS", fitted);
  return button("sms", words, {
    testid: "send-sms",
    href: `sms:${enrolment.sms.number}?body=${encodeURIComponent(text)}`,
    onclick: () => markAsSms(seqs, instant(new Date())),
  });
}
