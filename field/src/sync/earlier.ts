/**
 * Asks the server what another phone had sent, whose file was put back here: only what it had not goes out from this one.
 */

import type { Earlier } from "../store/database";
import { nameOf, settleEarlier } from "../store/put-back";
import { setting } from "../store/settings";
import { flush } from "./flush";
import { Refusal, request } from "./sync";

interface Arrived {
  arrived: { phone: string; seqs: number[] }[];
}

let asking: Promise<void> | undefined;

/** Asks if there is something to ask, and sends then; without a connection or an enrolment the next time will do. */
export function askEarlier(): Promise<void> {
  asking ??= ask().finally(() => {
    asking = undefined;
  });
  return asking;
}

async function ask(): Promise<void> {
  const [earlier, enrolment, consent] = await Promise.all([
    setting("earlier"),
    setting("enrolment"),
    setting("consent"),
  ]);
  if (!earlier || enrolment?.state !== "active" || !consent?.agreed) return;
  const names = new Set<string>();
  try {
    for (const one of earlier) {
      for (const { phone, seqs } of (await arrivedOf(one, enrolment.token)).arrived) {
        for (const seq of seqs) names.add(nameOf({ phone, seq }));
      }
    }
  } catch {
    return;
  }
  await settleEarlier(earlier, names);
  await flush("connected");
}

async function arrivedOf(earlier: Earlier, token: string): Promise<Arrived> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  try {
    return (await request("/earlier", { method: "POST", headers, body: JSON.stringify(earlier) })) as Arrived;
  } catch (error) {
    // A server that never heard of such a question has nothing of that phone to answer for.
    if (error instanceof Refusal && [400, 404, 405].includes(error.status)) return { arrived: [] };
    throw error;
  }
}
