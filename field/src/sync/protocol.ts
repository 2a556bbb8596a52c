/**
 * Messages between phone and server, version 1, as docs/sync.schema.json writes them.
 *
 * A fact is immutable and named by (device, seq). Fields that this app does not know are passed on, never dropped.
 */

import type { Table } from "./table";

/** ISO 8601 in UTC with seconds: "2026-11-25T03:04:05Z". */
export type Instant = string;
/** A calendar date where the trap hangs: "2026-11-25". */
export type CalendarDate = string;
/** Insects per species key, such as { HELIAR: 12 }. */
export type Counts = Record<string, number>;

/** Least and greatest true count, as sure as the model was measured to be. */
export type Interval = readonly [number, number];

export type Crop =
  | "cotton"
  | "tomato"
  | "maize"
  | "rice"
  | "pigeonpea"
  | "chickpea"
  | "okra"
  | "brinjal"
  | "cabbage"
  | "other";
export type TrapType = "delta" | "funnel" | "sleeve" | "water" | "sticky" | "light";

/** A trap as its owner last described it; the newest trap fact holds. */
export interface TrapBody {
  trap: string;
  name: string;
  pest: string;
  crop: Crop;
  trap_type: TrapType;
  district: string | null;
  subdistrict: number | null;
  village: string | null;
  lure_changed_on: CalendarDate | null;
  emptied_at: Instant | null;
  sown_on: CalendarDate | null;
  /** How long the lure lasts by its packet. */
  lure_life_days?: number | null;
}

/** Something done to the trap without counting. */
export interface ServiceBody {
  trap: string;
  serviced_at: Instant;
  emptied: boolean;
  lure_changed: boolean;
}

/** What a person found on the plants beside a trap: `found` damaged ones, or insects and eggs where the rule counts them. */
export interface InspectionBody {
  trap: string;
  inspected_at: Instant;
  /** Plant threshold by whose method; null where nobody gives a number. */
  rule: string | null;
  part: string;
  looked: number;
  found: number;
}

/** What the photo gate says of a photo; a farmer may keep a doubtful one. */
export interface Gate {
  verdict: "good" | "doubtful" | "rejected";
  reason: "not_a_trap" | "too_dark" | "too_bright" | "too_blurred" | "too_far" | "cut_off" | "saturated" | null;
}

/** One insect, as fractions of the upright photo. */
export interface Mark {
  x: number;
  y: number;
  species: string;
}

/** One count of one trap. `nights` is the time since it was last emptied, null when nobody knows. */
export interface ObservationBody {
  trap: string;
  taken_at: Instant;
  source: "photo" | "hand";
  counts: Counts;
  nights: number | null;
  emptied: boolean;
  lure_age_days: number | null;
  model: string | null;
  gate: Gate | null;
  photo: string | null;
  photo_consent: boolean;
  decoded_scale: number | null;
  /** How sure the model's counts are, per species key; none where nobody measured it, or nobody but a person counted. */
  intervals?: Record<string, Interval>;
  /** What the phone counted on a photo that may be sent; without the photo nobody needs them. */
  marks?: Mark[];
}

/** A person's recount of an observation, named by that observation's sequence number. */
export interface CorrectionBody {
  observation: number;
  counts: Counts;
  marks: Mark[] | null;
}

export type NewFact =
  | { kind: "trap"; at: Instant; body: TrapBody }
  | { kind: "service"; at: Instant; body: ServiceBody }
  | { kind: "observation"; at: Instant; body: ObservationBody }
  | { kind: "correction"; at: Instant; body: CorrectionBody }
  | { kind: "inspection"; at: Instant; body: InspectionBody };

export type Fact = NewFact & { seq: number };

/** A Problem as the server spells it: the English template is the key for translation. */
export interface ProblemJson {
  number: string;
  message: string;
  params: Record<string, string | number>;
  text?: string;
}

export type ItemStatus = "stored" | "duplicate" | "conflict" | "rejected" | "quarantined";

export interface SyncRequest {
  v: 1;
  sent_at: Instant;
  cursor: string | null;
  locale: string;
  app: string;
  model: string | null;
  /** Whose advice is here: the server tells a drop as long as the phone belongs to another one. */
  region: string;
  /** Until the server knows it: the key that signs. */
  public_key?: string;
  facts: Fact[] | Table;
}

export interface AdvisoryChange {
  kind: "advisory";
  id: number;
  region: string;
  trap: string | null;
  advice: AdviceJson;
  issued_at: Instant;
}

export interface RecountChange {
  kind: "recount";
  observation: number;
  counts: Counts;
  by: "officer";
  at: Instant;
}

/** This phone is of the region `keep` now; the advice of every other is to be forgotten. */
export interface DropChange {
  kind: "drop";
  keep: string;
}

/** What the server has to tell, in order; a kind that this app does not know yet is skipped. */
export type Change = AdvisoryChange | RecountChange | DropChange | { kind: "unknown" };

export interface AdviceJson {
  pest: string;
  crop: string;
  level: "no-data" | "watch" | "green" | "yellow" | "orange" | "red";
  catch_rate: number | null;
  threshold: { id: string; value_per_night: number | null; source: string } | null;
  messages: { id: string; params: Record<string, string | number> }[];
}

export interface SyncResponse {
  v: 1;
  server_time: Instant;
  clock_offset_ms: number;
  device: "active" | "revoked";
  /** `seq` is null for a fact whose number could not be read. */
  items: { seq: number | null; status: ItemStatus; problem: ProblemJson | null }[];
  cursor: string;
  more: boolean;
  changes: Change[];
  release: { region: string; version: string; seq: number } | null;
  /** What the server has to say about the message as a whole. */
  notices?: ProblemJson[];
  /** The server came back from a backup: what was acknowledged and is not among these, it lacks. */
  held?: Held;
}

/** First and last number of each run of facts that a server has. */
export type Held = [number, number][];

/** The same as it comes: what is empty is left out, and the items are a table if the facts were one. */
export type SyncAnswer = Omit<SyncResponse, "items" | "more" | "changes" | "release"> &
  Partial<Pick<SyncResponse, "more" | "changes" | "release">> & { items: SyncResponse["items"] | Table };

export interface Consent {
  version: number;
  at: Instant;
  locale: string;
}

export interface EnrolRequest {
  code: string;
  locale: string;
  consent: Consent;
  app: string;
  public_key: string;
  /** Made here, so that an answer that was lost can be asked for again. */
  token: string;
  /** What the officer shall call the farmer; only with six digits. */
  name?: string;
}

/** The officer has not said yes yet. */
export interface EnrolWaiting {
  state: "waiting";
  seconds: number;
}

export interface EnrolResponse {
  device: number;
  token: string;
  region: string;
  root: { key_id: string; public_key: string };
  /** Null where no SMS gateway listens. */
  sms?: { number: string; key: string } | null;
  server_time: Instant;
  /** What earlier enrolments of this phone, known by its key, brought and is there. */
  held?: Held;
}

/** The instant on the wire, in whole seconds. */
export function instant(date: Date): Instant {
  return `${date.toISOString().slice(0, 19)}Z`;
}
