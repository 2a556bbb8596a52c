"""The row classes: what pestwatch remembers.

`facts` is the ledger of everything that phones sent, as it came; it never changes. `traps`, `services`, `inspections`,
`observations` and the farmers' `corrections` are read models made from it and could be rebuilt. The rest is the office's own:
staff, devices, recounts, advisories, training runs, releases. docs/data-model.md draws it.
"""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from pestwatch.sync.protocol import Status
from server.db.session import JsonDocument, RowNumber, Table, UtcInstant

ACTIVE_RUN = text("state IN ('queued', 'running')")
ASIDE = text("seq IS NULL")
UNCOUNTED = text("status = 'stored' AND problem IS NOT NULL")
"""Facts that are stored, and whose counting broke; it is tried again."""


def _one_of(column: str, *values: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in values)})", name=column)


class Counter(Table):
    """A number that only rises; whoever raises it holds the row until commit."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, comment="last number given out")


class Region(Table):
    """A district whose officers, phones, model and advice belong together."""

    __tablename__ = "regions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, comment="district id such as IN-MH-500")
    name: Mapped[str] = mapped_column(String(120), comment="name for people")
    created_at: Mapped[datetime] = mapped_column(UtcInstant)


class Staff(Table):
    """Somebody of the office who may log in. What each role may do stands in server/auth.py."""

    __tablename__ = "staff"
    __table_args__ = (_one_of("role", "officer", "agronomist", "admin"),)

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True, comment="login name, lower case")
    password_hash: Mapped[str] = mapped_column(String(200), comment="argon2id")
    role: Mapped[str] = mapped_column(String(16), comment="officer: own regions; the others: every region")
    locale: Mapped[str] = mapped_column(String(16), default="en")
    created_at: Mapped[datetime] = mapped_column(UtcInstant)
    left_at: Mapped[datetime | None] = mapped_column(UtcInstant, comment="set: may no longer log in")


class StaffRegion(Table):
    """Which regions an officer sees."""

    __tablename__ = "staff_regions"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    region_id: Mapped[str] = mapped_column(ForeignKey("regions.id"), primary_key=True, index=True)


class LoginTry(Table):
    """A failed login; rows older than the window mean nothing and are deleted by the next failure."""

    __tablename__ = "login_tries"
    __table_args__ = (Index(None, "subject", "at"),)

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    subject: Mapped[str] = mapped_column(String(120), comment="name:… or address:…")
    at: Mapped[datetime] = mapped_column(UtcInstant)


class Device(Table):
    """One enrolled phone, or a source whose observations were imported."""

    __tablename__ = "devices"
    __table_args__ = (Index("uq_devices_region_id_source", "region_id", "source", unique=True),)

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    region_id: Mapped[str] = mapped_column(ForeignKey("regions.id"), index=True)
    source: Mapped[str | None] = mapped_column(String(80), comment="set: no phone, but what was imported by this name")
    name: Mapped[str | None] = mapped_column(String(60), comment="what the farmer wants the officer to say")
    lead_since: Mapped[datetime | None] = mapped_column(
        UtcInstant, comment="set: a lead farmer's, may hold neighbours' traps"
    )
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, comment="SHA-256 of the token, hex")
    locale: Mapped[str] = mapped_column(String(16), comment="language the farmer reads")
    consent: Mapped[Any] = mapped_column(JsonDocument, comment="what the farmer agreed to: version, at, locale")
    app_version: Mapped[str | None] = mapped_column(String(40))
    model_version: Mapped[str | None] = mapped_column(String(80), comment="model the phone counted with last")
    enrolled_at: Mapped[datetime] = mapped_column(UtcInstant)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    clock_offset_ms: Mapped[int | None] = mapped_column(BigInteger, comment="server minus phone at the last sync")
    revoked_at: Mapped[datetime | None] = mapped_column(UtcInstant, comment="set: what it sends is quarantined")
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcInstant, comment="set: the farmer no longer agrees")
    erased_at: Mapped[datetime | None] = mapped_column(UtcInstant, comment="set: nothing here tells who it was")
    sms_key: Mapped[str | None] = mapped_column(String(200), comment="of its SMS, encrypted; null: it has no SMS path")
    public_key: Mapped[str | None] = mapped_column(String(88), comment="P-256, base64; null: it has never signed")


class EnrolmentCode(Table):
    """A code that enrols one phone, once, within a day."""

    __tablename__ = "enrolment_codes"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True, comment="SHA-256 of the code, hex")
    region_id: Mapped[str] = mapped_column(ForeignKey("regions.id"))
    made_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), comment="null: made on the command line")
    created_at: Mapped[datetime] = mapped_column(UtcInstant)
    expires_at: Mapped[datetime] = mapped_column(UtcInstant)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id"), comment="set: used, by this phone")


class Fact(Table):
    """One thing that a phone said, exactly as it came. Source: docs/adr/0003."""

    __tablename__ = "facts"
    __table_args__ = (
        UniqueConstraint("device_id", "seq"),
        _one_of("status", "stored", "rejected", "quarantined", "conflict"),
        Index("uq_facts_aside", "device_id", "content_hash", unique=True, sqlite_where=ASIDE, postgresql_where=ASIDE),
        Index(None, "device_id", "status"),
        Index("ix_facts_uncounted", "id", sqlite_where=UNCOUNTED, postgresql_where=UNCOUNTED),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    seq: Mapped[int | None] = mapped_column(BigInteger, comment="null: kept aside (unreadable number, or conflict)")
    kind: Mapped[str | None] = mapped_column(String(32), comment="trap, service, observation, correction, inspection")
    content_hash: Mapped[str] = mapped_column(String(64), comment="SHA-256 of content, hex")
    content: Mapped[str] = mapped_column(Text, comment="canonical JSON of the fact, unknown fields included")
    status: Mapped[Status] = mapped_column(String(16))
    problem: Mapped[Any | None] = mapped_column(JsonDocument, comment="why it was rejected: number, params")
    at_phone: Mapped[datetime | None] = mapped_column(UtcInstant, comment="by the phone's clock")
    at_corrected: Mapped[datetime] = mapped_column(UtcInstant, comment="by ours; received_at when unreadable")
    clock_offset_ms: Mapped[int] = mapped_column(BigInteger, comment="server minus phone when it was sent")
    received_at: Mapped[datetime] = mapped_column(UtcInstant)
    server_seq: Mapped[int] = mapped_column(BigInteger, index=True, comment="order of arrival; one per batch")
    sms_id: Mapped[int | None] = mapped_column(BigInteger, comment="set: only what this SMS said; the whole is to come")


class Sms(Table):
    """A text that a gateway brought, as it came. The number is kept as a keyed hash, which only finds it again."""

    __tablename__ = "sms"
    kind: ClassVar = "sms"
    status: ClassVar = "rejected"
    """As a fact's, where officers see what could not be used."""

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    text_hash: Mapped[str] = mapped_column(String(64), unique=True, comment="SHA-256 of text, hex")
    text: Mapped[str] = mapped_column(Text)
    device_id: Mapped[int | None] = mapped_column(
        ForeignKey("devices.id"), index=True, comment="whom it names, if true"
    )
    sender_hash: Mapped[str | None] = mapped_column(
        String(64), index=True, comment="HMAC of the number it came from, hex"
    )
    sender_tail: Mapped[str | None] = mapped_column(String(3), comment="that number's last digits")
    received_at: Mapped[datetime] = mapped_column(UtcInstant, comment="the first time")
    problem: Mapped[Any | None] = mapped_column(JsonDocument, comment="why it was rejected; null: its facts are stored")


class Trap(Table):
    """A trap as its newest description says. (device, trap) is its id; there is no other."""

    __tablename__ = "traps"

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    trap: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    pest: Mapped[str] = mapped_column(String(24), comment="what its lure catches")
    crop: Mapped[str] = mapped_column(String(24))
    trap_type: Mapped[str] = mapped_column(String(24))
    district: Mapped[str | None] = mapped_column(String(32))
    subdistrict: Mapped[int | None] = mapped_column(comment="LGD code")
    village: Mapped[str | None] = mapped_column(String(120))
    lure_changed_on: Mapped[date | None]
    lure_life_days: Mapped[int | None] = mapped_column(comment="as its packet says")
    emptied_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    sown_on: Mapped[date | None]
    described_at: Mapped[datetime] = mapped_column(UtcInstant, comment="corrected time of the description that won")
    described_seq: Mapped[int] = mapped_column(BigInteger, comment="its sequence number; breaks ties")


class Service(Table):
    """The trap was emptied or its lure changed."""

    __tablename__ = "services"
    __table_args__ = (Index(None, "device_id", "trap"),)

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    trap: Mapped[str] = mapped_column(String(16), comment="may be described by a fact still under way")
    serviced_at: Mapped[datetime] = mapped_column(UtcInstant)
    emptied: Mapped[bool]
    lure_changed: Mapped[bool]


class Inspection(Table):
    """What a person found on the plants beside a trap. Source: docs/adr/0014."""

    __tablename__ = "inspections"
    __table_args__ = (Index(None, "device_id", "trap"),)

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    trap: Mapped[str] = mapped_column(String(16), comment="may be described by a fact still under way")
    inspected_at: Mapped[datetime] = mapped_column(UtcInstant, index=True, comment="corrected")
    rule: Mapped[str | None] = mapped_column(String(80), comment="plant threshold by whose method; null: there is none")
    part: Mapped[str] = mapped_column(String(80), comment="what was looked at: boll, flower, plant, …")
    looked: Mapped[int] = mapped_column(comment="at how many")
    found: Mapped[int] = mapped_column(comment="damaged ones; or insects and eggs, if the rule counts them")


class Observation(Table):
    """What was counted in one trap at one time, by the phone or by hand. People's recounts stand in `corrections`."""

    __tablename__ = "observations"
    __table_args__ = (Index(None, "device_id", "trap", "taken_at"), _one_of("source", "photo", "hand"))

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    trap: Mapped[str] = mapped_column(String(16), comment="may be described by a fact still under way")
    taken_at: Mapped[datetime] = mapped_column(UtcInstant, index=True, comment="corrected")
    taken_at_doubtful: Mapped[bool] = mapped_column(comment="the phone's clock was not to be believed")
    source: Mapped[str] = mapped_column(String(8))
    counts: Mapped[dict[str, int]] = mapped_column(JsonDocument, comment="species key to insects")
    nights: Mapped[float | None] = mapped_column(Float, comment="since the trap was last emptied")
    emptied: Mapped[bool]
    lure_age_days: Mapped[int | None]
    model: Mapped[str | None] = mapped_column(String(80), comment="model version that counted")
    intervals: Mapped[dict[str, list[int]] | None] = mapped_column(
        JsonDocument, comment="species key to least and greatest true count, as the phone told them"
    )
    gate_verdict: Mapped[str | None] = mapped_column(String(16), comment="good, doubtful or rejected")
    gate_reason: Mapped[str | None] = mapped_column(String(32))
    photo: Mapped[str | None] = mapped_column(String(64), index=True, comment="SHA-256 of the photo, hex")
    photo_consent: Mapped[bool] = mapped_column(comment="the farmer agreed to send the photo")
    decoded_scale: Mapped[float | None] = mapped_column(Float, comment="1 = the phone saw every pixel")


class Correction(Table):
    """A person's recount of an observation. Training reads these only."""

    __tablename__ = "corrections"
    __table_args__ = (
        _one_of("by", "farmer", "officer"),
        Index(None, "observation_device", "observation_seq"),
        UniqueConstraint("observation_device", "fact_seq"),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    observation_device: Mapped[int] = mapped_column(ForeignKey("devices.id"))
    observation_seq: Mapped[int] = mapped_column(BigInteger, comment="the observation may still be under way")
    by: Mapped[str] = mapped_column(String(8))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), comment="the officer who recounted")
    fact_seq: Mapped[int | None] = mapped_column(BigInteger, comment="the farmer's fact that said so")
    counts: Mapped[dict[str, int]] = mapped_column(JsonDocument)
    marks: Mapped[list[dict[str, Any]] | None] = mapped_column(JsonDocument, comment="x, y as fractions, and species")
    made_at: Mapped[datetime] = mapped_column(UtcInstant)
    server_seq: Mapped[int] = mapped_column(BigInteger, index=True)


class Photo(Table):
    """A photo that is stored here. Which observation it belongs to stands there."""

    __tablename__ = "photos"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True, comment="of what the phone sent: its name")
    stored_sha256: Mapped[str] = mapped_column(String(64), comment="of what is stored: without the camera's notes")
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), comment="who sent it first")
    media_type: Mapped[str] = mapped_column(String(16))
    width_px: Mapped[int]
    height_px: Mapped[int]
    size_bytes: Mapped[int]
    received_at: Mapped[datetime] = mapped_column(UtcInstant)


class Advisory(Table):
    """Advice that goes to the phones of a region, or to one trap's phone."""

    __tablename__ = "advisories"
    __table_args__ = (
        ForeignKeyConstraint(["device_id", "trap"], ["traps.device_id", "traps.trap"]),
        Index(None, "region_id", "server_seq"),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    region_id: Mapped[str] = mapped_column(ForeignKey("regions.id"))
    device_id: Mapped[int | None] = mapped_column(comment="null: for every phone of the region")
    trap: Mapped[str | None] = mapped_column(String(16))
    pest: Mapped[str] = mapped_column(String(24))
    advice: Mapped[dict[str, Any]] = mapped_column(JsonDocument, comment="structured; worded on the phone")
    issued_at: Mapped[datetime] = mapped_column(UtcInstant)
    server_seq: Mapped[int] = mapped_column(BigInteger)


class TrainingRun(Table):
    """One attempt to make a region's model better; the row is the queue. Source: docs/adr/0004."""

    __tablename__ = "training_runs"
    __table_args__ = (
        _one_of("state", "queued", "running", "promoted", "refused", "failed"),
        Index(
            "uq_training_runs_one_active",
            "region_id",
            unique=True,
            sqlite_where=ACTIVE_RUN,
            postgresql_where=ACTIVE_RUN,
        ),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    region_id: Mapped[str] = mapped_column(ForeignKey("regions.id"), index=True)
    state: Mapped[str] = mapped_column(String(16), default="queued")
    waits_for: Mapped[str | None] = mapped_column(Text, comment="why a queued run does not start yet, in English")
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), comment="null: the schedule")
    requested_at: Mapped[datetime] = mapped_column(UtcInstant)
    claimed_by: Mapped[str | None] = mapped_column(String(120), comment="worker that holds the lease")
    lease_until: Mapped[datetime | None] = mapped_column(UtcInstant, comment="after this anyone may claim it anew")
    attempt: Mapped[int] = mapped_column(default=0, comment="how often it was claimed")
    progress: Mapped[float] = mapped_column(Float, default=0.0, comment="0..1")
    stage: Mapped[str | None] = mapped_column(String(40), comment="what it is doing")
    seed: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[str | None] = mapped_column(String(80), comment="model version it makes")
    reason: Mapped[Any | None] = mapped_column(JsonDocument, comment="message and params of the verdict")
    metrics: Mapped[Any | None] = mapped_column(JsonDocument, comment="current and candidate")
    gates: Mapped[Any | None] = mapped_column(JsonDocument, comment="name, passed, detail of each gate")
    finished_at: Mapped[datetime | None] = mapped_column(UtcInstant)


class Release(Table):
    """A model that this installation signed and published."""

    __tablename__ = "releases"
    __table_args__ = (UniqueConstraint("region_id", "seq"),)

    version: Mapped[str] = mapped_column(String(80), primary_key=True)
    region_id: Mapped[str] = mapped_column(ForeignKey("regions.id"))
    seq: Mapped[int] = mapped_column(comment="rises with every release of the key")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("training_runs.id"))
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    published_at: Mapped[datetime] = mapped_column(UtcInstant)


class Transfer(Table):
    """Observations that came in as a file or went out as one: who, when, what. Never changed."""

    __tablename__ = "transfers"
    __table_args__ = (_one_of("direction", "in", "out"),)

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    region_id: Mapped[str] = mapped_column(ForeignKey("regions.id"), index=True)
    direction: Mapped[str] = mapped_column(String(3))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), comment="null: on the command line")
    at: Mapped[datetime] = mapped_column(UtcInstant)
    name: Mapped[str] = mapped_column(String(80), comment="in: the source; out: the format")
    content_sha256: Mapped[str] = mapped_column(String(64), comment="of the file, hex")
    told: Mapped[dict[str, Any]] = mapped_column(JsonDocument, comment="in: how many rows became what; out: span, rows")


class ProcessBeat(Table):
    """When a process last said that it is alive."""

    __tablename__ = "process_beats"

    name: Mapped[str] = mapped_column(String(80), primary_key=True, comment="web, worker, scheduler, …")
    at: Mapped[datetime] = mapped_column(UtcInstant)
    detail: Mapped[Any | None] = mapped_column(JsonDocument)
