/**
 * IndexedDB: what the phone keeps, and how older phones are brought up to date.
 *
 * Facts are added and never changed or removed; what became of each stands beside it in `deliveries`.
 * Windows and the service worker open the same database.
 */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { MarkEdit } from "../photo/mark-edits";
import type { Size } from "../release/manifest";
import type { DeviceKey } from "../sync/device-key";
import type { PhotosGo } from "../sync/photo-policy";
import type {
  AdvisoryChange,
  CalendarDate,
  Consent,
  CorrectionBody,
  Fact,
  Instant,
  ItemStatus,
  ObservationBody,
  ProblemJson,
  RecountChange,
} from "../sync/protocol";

/** What became of a fact: it waits, or the server has answered. */
export interface Delivery {
  seq: number;
  status: "waiting" | ItemStatus;
  problem: ProblemJson | null;
  answered_at: Instant | null;
  /** When it was last handed to the phone's SMS app; whether that sent it, nobody knows, so it waits all the same. */
  sms_at?: Instant;
  /** Brought by an earlier enrolment to this server, or to another one (or by a lost key): this enrolment is not asked for it. */
  elsewhere?: "earlier" | "other";
}

/** A photo that the farmer agreed to send, made smaller and free of the camera's hidden notes (place, owner). */
export interface KeptPhoto {
  sha256: string;
  observation: number;
  /** Null once it has arrived: the phone needs the room. */
  photo: Blob | null;
  status: "waiting" | "stored" | "rejected";
  problem: ProblemJson | null;
}

/** A count that has been begun and not saved; it outlives a page that the camera pushed out of memory. */
export interface Draft {
  trap: string;
  begun_at: Instant;
  source: "photo" | "hand";
  /** What the camera gave, or after counting the smaller copy that may be sent. */
  photo: Blob | null;
  sha256: string | null;
  counted:
    | (Pick<ObservationBody, "counts" | "intervals" | "model" | "gate" | "decoded_scale"> & {
        marks: { x: number; y: number; species: string; score: number }[];
      })
    | null;
  /** The number on the screen once a person has touched it. */
  corrected: number | null;
  /** What a person changed on the marked photo, oldest first; none in drafts of older apps. */
  edits?: MarkEdit[];
  nights: number | null;
  emptied: boolean;
  /** When it was counted, if that was not when it was begun: a forgotten day. */
  taken_at?: Instant;
}

/** A look at the plants that has been begun: what was found on each that was looked at, in order. */
export interface BegunInspection {
  trap: string;
  /** Half of one is gone on with on the same day only. */
  begun_on: CalendarDate;
  rule: string | null;
  part: string;
  found: number[];
}

export interface Enrolment {
  device: number;
  token: string;
  region: string;
  root: { key_id: string; public_key: string };
  /** Where to send SMS, and the key that signs them; nothing else is signed with it. */
  sms?: { number: string; key: CryptoKey } | null;
  state: "active" | "revoked" | "unknown";
  /** The public key by which the server knows this phone; it learns it at the next sync if this is another or none. */
  public_key?: string;
}

/** A code that waits to be used, or for the officer's yes. */
export interface Asking {
  code: string;
  /** What the officer shall call the farmer; null for a code that needs no yes. */
  name: string | null;
  token: string;
  state: "unsent" | "waiting";
}

export interface BackOff {
  failures: number;
  until_ms: number;
}

/** Single values, each under its own key. */
export interface Settings {
  locale: string;
  /** `agreed` false: counting stays on this phone, nothing is sent; so it is with whoever said to be younger than 18. */
  consent: Consent & { agreed: boolean; is_minor?: boolean };
  /** What the server does not know yet of the farmer's answer: told at the next sync, whatever the answer is. */
  consent_to_tell: "answer" | "erase";
  send_photos: boolean;
  /** When photos go; on Wi-Fi where nothing is set. */
  photos_go: PhotosGo;
  /** The camera waits for the shutter, and takes no photo by itself. */
  shutter_by_hand: boolean;
  enrolment: Enrolment;
  asking: Asking;
  device_key: DeviceKey;
  cursor: string;
  clock_offset_ms: number;
  last_synced_at: Instant;
  last_problem: ProblemJson;
  /** What the server last had to say about the messages as a whole. */
  notices: ProblemJson[];
  back_off: BackOff;
  model: string;
  /** A version of the app that was found: what its download costs, and whether it waits for a person's word. */
  next_app: { name: string; bytes: number; asks: boolean };
  /** The version whose download a person has agreed to. */
  agreed_app: string;
  /** A release, or a size of one, whose download waits for a person's word. */
  next_model: { version: string; bytes: number } | null;
  /** Which model a person wants; automatic follows the timing. */
  size_choice: Size | "automatic";
  /** How long one tile of the usual size takes here, and with which app and model that was found. */
  size_timing: { of: string; tile_ms: number };
  inspection: BegunInspection;
  /** What the service worker may say when the browser wakes it: from when on, and in which words. */
  reminder: { from_ms: number; title: string; body: string };
  /** When it last said so. */
  reminded_ms: number;
  /** The last sequence number that was given away. */
  last_seq: number;
}

export type { CorrectionBody, Fact, ObservationBody };

interface Schema extends DBSchema {
  settings: { key: keyof Settings; value: Settings[keyof Settings] };
  facts: { key: number; value: Fact; indexes: { by_kind: string } };
  deliveries: { key: number; value: Delivery; indexes: { by_status: string } };
  drafts: { key: string; value: Draft };
  photos: { key: string; value: KeptPhoto; indexes: { by_status: string } };
  advisories: { key: number; value: AdvisoryChange };
  recounts: { key: number; value: RecountChange };
}

export type Database = IDBPDatabase<Schema>;

const NAME = "pestwatch";
const VERSION = 1;

let opened: Promise<Database> | undefined;

/** The one connection of this window or worker; opened at first use. */
export function database(): Promise<Database> {
  opened ??= openDB<Schema>(NAME, VERSION, {
    upgrade(db, from) {
      if (from < 1) {
        db.createObjectStore("settings");
        db.createObjectStore("facts", { keyPath: "seq" }).createIndex("by_kind", "kind");
        db.createObjectStore("deliveries", { keyPath: "seq" }).createIndex("by_status", "status");
        db.createObjectStore("drafts", { keyPath: "trap" });
        db.createObjectStore("photos", { keyPath: "sha256" }).createIndex("by_status", "status");
        db.createObjectStore("advisories", { keyPath: "id" });
        db.createObjectStore("recounts", { keyPath: "observation" });
      }
    },
    // A newer page wants to upgrade: let it, rather than hold it up for as long as this tab lives.
    blocking: () => void closeDatabase(),
    terminated: () => {
      opened = undefined;
    },
  });
  return opened;
}

/** Closes the connection; the next use opens it again. */
export async function closeDatabase(): Promise<void> {
  const closing = opened;
  opened = undefined;
  (await closing)?.close();
}
