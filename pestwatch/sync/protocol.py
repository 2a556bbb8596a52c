"""Messages v1 between phone and server: what they look like, and how one is read.

Station 4 of 9. Promises: a batch with one bad fact in it still gives every other fact; a fact that cannot be used is
returned with its Problem, never dropped; fields that this version does not know stay in `Fact.content`. Refuses, with
400.1, only what is no message at all. docs/sync.schema.json is made from these classes; docs/sync.md explains them.
"""

import hashlib
import json
from datetime import date, datetime
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from pestwatch.errors import Problem
from pestwatch.sync.table import FACTS, MAX_ROWS, from_table

VERSION = 1
MAX_FACTS = MAX_ROWS
MAX_BODY_BYTES = 512_000
MAX_SEQ = 2**53 - 1
"""The largest whole number that JavaScript keeps exact."""

Instant = Annotated[datetime, Meta(tz=True, description="ISO 8601 with zone; phones send UTC, 2026-11-25T03:04:05Z")]
Seq = Annotated[
    int, Meta(ge=1, le=MAX_SEQ, description="rises with every fact of a phone; with the device it is the id")
]
TrapName = Annotated[str, Meta(pattern=r"^[a-z0-9]{1,16}$(?!\n)", description="the phone's own name for a trap")]
Line = Annotated[str, Meta(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
Word = Annotated[str, Meta(max_length=80, pattern=r"^[A-Za-z0-9._-]*$(?!\n)")]
SpeciesKey = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{1,23}$(?!\n)", description="EPPO code or our own key")]
Counts = Annotated[
    dict[SpeciesKey, Annotated[int, Meta(ge=0, le=5000)]], Meta(max_length=40, description="species key to insects")
]
Interval = Annotated[
    tuple[Annotated[int, Meta(ge=0, le=10_000)], Annotated[int, Meta(ge=0, le=10_000)]],
    Meta(description="least and greatest true count, as sure as the model was measured to be"),
]
Held = Annotated[
    list[tuple[int, int]],
    Meta(
        description="after a backup came back: first and last number of each run of facts that are here; "
        "what was acknowledged and is not among them, send again"
    ),
]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Days = Annotated[int, Meta(ge=0, le=3650)]
Crop = Literal["cotton", "tomato", "maize", "rice", "pigeonpea", "chickpea", "okra", "brinjal", "cabbage", "other"]
Status = Literal["stored", "duplicate", "conflict", "rejected", "quarantined"]
TrapType = Literal["delta", "funnel", "sleeve", "water", "sticky", "light"]
GateReason = Literal["not_a_trap", "too_dark", "too_bright", "too_blurred", "too_far", "cut_off", "saturated"]


class TrapBody(Struct, frozen=True):
    """A trap as the farmer describes it; the newest description wins."""

    trap: TrapName
    name: Line
    pest: SpeciesKey
    crop: Crop
    trap_type: TrapType
    district: Annotated[str, Meta(pattern=r"^[A-Z0-9-]{1,32}$(?!\n)")] | None = None
    subdistrict: Annotated[int, Meta(ge=0, le=2**31 - 1, description="LGD code")] | None = None
    village: Line | None = None
    lure_changed_on: date | None = None
    emptied_at: Instant | None = None
    sown_on: date | None = None
    lure_life_days: Annotated[int, Meta(ge=1, le=365, description="as its packet says")] | None = None


class ServiceBody(Struct, frozen=True):
    """The trap was emptied, or its lure changed."""

    trap: TrapName
    serviced_at: Instant
    emptied: bool
    lure_changed: bool


class PhotoGate(Struct, frozen=True):
    """What the phone thought of the photo."""

    verdict: Literal["good", "doubtful", "rejected"]
    reason: GateReason | None = None


class Mark(Struct, frozen=True):
    """One insect, as fractions of the upright photo."""

    x: Fraction
    y: Fraction
    species: SpeciesKey


class ObservationBody(Struct, frozen=True):
    """What was counted in one trap at one time."""

    trap: TrapName
    taken_at: Instant
    source: Literal["photo", "hand"]
    counts: Counts
    emptied: bool
    nights: Annotated[float, Meta(gt=0, le=3650, description="since the trap was last emptied")] | None = None
    lure_age_days: Days | None = None
    model: Word | None = None
    intervals: (
        Annotated[dict[SpeciesKey, Interval], Meta(max_length=40, description="only of the model's counts")] | None
    ) = None
    gate: PhotoGate | None = None
    photo: Sha256 | None = None
    photo_consent: bool = False
    decoded_scale: Annotated[float, Meta(gt=0, le=1)] | None = None
    marks: Annotated[list[Mark], Meta(max_length=5000, description="only with a photo that may be sent")] | None = None


class CorrectionBody(Struct, frozen=True):
    """The farmer's own recount of an observation."""

    observation: Seq
    counts: Counts
    marks: Annotated[list[Mark], Meta(max_length=5000)] | None = None


class InspectionBody(Struct, frozen=True):
    """What a person found on the plants beside a trap."""

    trap: TrapName
    inspected_at: Instant
    part: Annotated[Word, Meta(description="what was looked at, one after another: boll, flower, plant, …")]
    looked: Annotated[int, Meta(ge=1, le=1000, description="at how many")]
    found: Annotated[
        int, Meta(ge=0, le=10_000, description="damaged ones; or insects and eggs, if the rule counts them")
    ]
    rule: Annotated[Word, Meta(description="plant threshold by whose method; null: there is none")] | None = None


class TrapFact(Struct, frozen=True, tag_field="kind", tag="trap"):
    """A trap was set up or its description changed."""

    seq: Seq
    at: Instant
    body: TrapBody


class ServiceFact(Struct, frozen=True, tag_field="kind", tag="service"):
    """A trap was serviced."""

    seq: Seq
    at: Instant
    body: ServiceBody


class ObservationFact(Struct, frozen=True, tag_field="kind", tag="observation"):
    """Insects were counted."""

    seq: Seq
    at: Instant
    body: ObservationBody


class CorrectionFact(Struct, frozen=True, tag_field="kind", tag="correction"):
    """The farmer recounted."""

    seq: Seq
    at: Instant
    body: CorrectionBody


class InspectionFact(Struct, frozen=True, tag_field="kind", tag="inspection"):
    """Plants were looked at."""

    seq: Seq
    at: Instant
    body: InspectionBody


KINDS = ("trap", "service", "observation", "correction", "inspection")
TypedFact = TrapFact | ServiceFact | ObservationFact | CorrectionFact | InspectionFact


class Envelope(Struct, frozen=True, kw_only=True):
    """What a phone says beside its facts."""

    v: int
    sent_at: Instant
    cursor: str | None = None
    locale: str = "en"
    app: str | None = None
    model: str | None = None
    region: Annotated[str, Meta(description="whose advice it holds; null: it knows no drops")] | None = None
    public_key: Annotated[str, Meta(description="P-256, base64; until the server knows it")] | None = None


class Table(Struct, frozen=True):
    """A list of alike documents, as docs/sync.md draws it."""

    rows: Annotated[int, Meta(ge=0)]
    usual: Annotated[list[Any], Meta(description="columns whose names are known, in their order; null: as usual")]
    columns: Annotated[dict[str, Any], Meta(description="other columns by name, objects within objects by dots")] = {}


class SyncRequest(Envelope, frozen=True, kw_only=True):
    """Push and pull in one message."""

    facts: Annotated[list[TypedFact], Meta(max_length=MAX_FACTS)] | Table


class UnreadRequest(Envelope, frozen=True, kw_only=True):
    """A SyncRequest whose facts are still to be read, each by itself: one bad fact must not spoil the message."""

    facts: list[Raw] | Table


class WordedProblem(Struct, frozen=True):
    """A Problem as the phone shows it."""

    number: str
    message: Annotated[str, Meta(description="English, with %(name)s placeholders: the key for translation")]
    params: dict[str, Any]
    text: Annotated[str, Meta(description="in the language asked for, or in English")]


class ItemAnswer(Struct, frozen=True):
    """What became of one fact, in the order of sending."""

    seq: Annotated[int, Meta(description="null: the fact had no readable number")] | None
    status: Status
    problem: WordedProblem | None = None


class AdvisoryChange(Struct, frozen=True, tag_field="kind", tag="advisory"):
    """Advice from the office."""

    id: int
    region: str
    trap: str | None
    advice: dict[str, Any]
    issued_at: datetime


class RecountChange(Struct, frozen=True, tag_field="kind", tag="recount"):
    """An officer recounted one of this phone's observations."""

    observation: int
    counts: dict[str, int]
    by: str
    at: datetime


class DropChange(Struct, frozen=True, tag_field="kind", tag="drop"):
    """The phone belongs to another region than it says: first of all it forgets the advice of all but this one."""

    keep: Annotated[str, Meta(description="the region that the phone is of now")]


Change = AdvisoryChange | RecountChange | DropChange


class ReleaseName(Struct, frozen=True):
    """The model that phones of this region should count with."""

    region: str
    version: str
    seq: int


class SyncAnswer(Struct, frozen=True):
    """The answer to a SyncRequest; everything acknowledged in it is on the server's disk."""

    v: int
    server_time: datetime
    clock_offset_ms: Annotated[int, Meta(description="add to the phone's clock to get the server's")]
    device: Literal["active", "revoked"]
    items: Annotated[list[ItemAnswer] | Table, Meta(description="a table if the facts came as one")]
    cursor: Annotated[str, Meta(description="opaque; send it back next time")]
    more: Annotated[bool, Meta(description="more changes wait: ask again with the new cursor")] = False
    changes: Annotated[list[Change], Meta(description="in order; a kind that is not known is passed over")] = []
    release: ReleaseName | None = None
    notices: Annotated[list[WordedProblem], Meta(description="for the farmer; nothing was refused for it")] = []
    held: Held | UnsetType = UNSET


class Fact(NamedTuple):
    """One fact as read: usable (`typed`), or not (`problem`); in both cases with its content for the ledger."""

    seq: int | None
    kind: str | None
    content: str
    content_hash: str
    typed: TypedFact | None
    problem: Problem | None


_read_request = msgspec.json.Decoder(UnreadRequest)
_read_typed = msgspec.json.Decoder[TypedFact](TypedFact)  # kept: working a union out anew costs 0.1 ms a fact


def read_request(message: bytes) -> UnreadRequest:
    """Reads a message, its facts still unread.

    Raises:
      Problem 400.1: it is no message, or one of another version.
      Problem 413.1: too many facts.
    """
    try:
        try:
            request = _read_request.decode(message)
        except msgspec.DecodeError:
            request = _read_request.decode(_mended(message))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Problem("400.1", detail=str(error)) from error
    if request.v != VERSION:
        raise Problem("400.1", detail=f"version {request.v}")
    if isinstance(request.facts, list) and len(request.facts) > MAX_FACTS:
        raise Problem("413.1", size_bytes=len(message), limit_bytes=MAX_BODY_BYTES)
    return request


def read_facts(request: UnreadRequest) -> list[Fact]:
    """Reads the facts of a message, one by one, whether they came as a list or as a table.

    Raises:
      Problem 400.1: the table is none.
      Problem 413.1: it unfolds to too many facts, or too large ones.
    """
    if isinstance(request.facts, list):
        return [read_fact(raw) for raw in request.facts]
    facts, size_bytes = [], 0
    for document in from_table(request.facts, FACTS):
        content = canonical(document)
        size_bytes += len(content)
        if size_bytes > MAX_BODY_BYTES:
            raise Problem("413.1", size_bytes=size_bytes, limit_bytes=MAX_BODY_BYTES)
        facts.append(_read_document(document, content))
    return facts


def read_fact(raw: bytes | Raw) -> Fact:
    """Reads one fact, whatever it is; never raises for its content."""
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError) as error:  # such as 1e999, or bytes that are no UTF-8
        unreadable = {"unreadable": bytes(raw).decode(errors="replace")}
        return _fact(unreadable, canonical(unreadable), None, Problem("400.1", detail=str(error)))
    return _read_document(document, canonical(document))


def canonical(document: Any) -> bytes:
    """One spelling for equal JSON: sorted keys, no spaces, UTF-8."""
    return msgspec.json.encode(document, order="sorted")


def schema() -> dict[str, Any]:
    """The JSON Schema of both messages: docs/sync.schema.json."""
    (request, answer), components = msgspec.json.schema_components([SyncRequest, SyncAnswer])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pestwatch sync, version 1",
        "request": request,
        "answer": answer,
        "$defs": components,
    }


def _read_document(document: Any, content: bytes) -> Fact:
    """Reads a fact that was decoded already; `content` is its canonical JSON."""
    try:
        return _fact(document, content, _read_typed.decode(content), None)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$")
        field = path.rstrip("`").lstrip(".") or "fact"
        return _fact(document, content, None, Problem("422.5", field=field, detail=detail))


def _fact(document: Any, content: bytes, typed: TypedFact | None, problem: Problem | None) -> Fact:
    fields = document if isinstance(document, dict) else {}
    seq, kind = fields.get("seq"), fields.get("kind")
    return Fact(
        seq=seq if type(seq) is int and 1 <= seq <= MAX_SEQ else None,
        kind=kind if kind in KINDS else None,
        content=content.decode(),
        content_hash=hashlib.sha256(content).hexdigest(),
        typed=typed,
        problem=problem,
    )


def _mended(message: bytes) -> bytes:
    """A message with half a character in it, as JavaScript makes when it cuts a text inside an emoji, with `?` there.

    One such name must not keep a phone's whole outbox from being read.
    """
    return json.dumps(json.loads(message), ensure_ascii=False).encode(errors="replace")


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
