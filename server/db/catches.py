"""Reads of what traps caught, and the officer's recount.

An observation's number is decided in one place, `pestwatch.sync.merge`: an officer's recount before the farmer's before
the phone's. An observation whose trap is not described yet is kept, and appears here once the description arrives.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement, Select, and_, case, exists, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from pestwatch.errors import Problem
from pestwatch.sync.merge import standing_recount
from server.db.store import next_server_seq
from server.db.tables import Correction, Device, Observation, Photo, Staff, Trap


class ObservationId(NamedTuple):
    """An observation's name everywhere: the phone that made it, and that phone's sequence number."""

    device: int
    seq: int

    def __str__(self) -> str:
        return f"{self.device}-{self.seq}"

    @classmethod
    def parse(cls, written: str) -> Self:
        """Reads `12-34`.

        Raises:
          Problem 404.1: it is no such name.
        """
        device, _, seq = written.partition("-")
        if not (device.isdecimal() and seq.isdecimal() and max(len(device), len(seq)) < 19):
            raise Problem("404.1", name=written)
        return cls(int(device), int(seq))


class TrapId(NamedTuple):
    """A trap's name everywhere: the phone that described it, and what it called it."""

    device: int
    trap: str

    def __str__(self) -> str:
        return f"{self.device}/{self.trap}"


@dataclass(frozen=True)
class Catch:
    """One observation with the number that counts."""

    observation: ObservationId
    trap: TrapId
    region: str
    trap_name: str
    pest: str
    crop: str
    trap_type: str
    subdistrict: int | None
    taken_at: datetime
    taken_at_doubtful: bool
    nights: float | None
    emptied: bool
    lure_age_days: int | None
    source: str
    model: str | None
    intervals: Mapping[str, Sequence[int]]
    gate_verdict: str | None
    gate_reason: str | None
    counted_by_phone: Mapping[str, int]
    recount: Correction | None
    photo: Photo | None

    @property
    def counts(self) -> Mapping[str, int]:
        """Species key -> insects: the officer's recount, else the farmer's, else the phone's count."""
        return self.counted_by_phone if self.recount is None else self.recount.counts

    @property
    def counted_by(self) -> str:
        """`officer`, `farmer` or `phone`."""
        return "phone" if self.recount is None else self.recount.by

    @property
    def is_uncounted_photo(self) -> bool:
        """The gate rejected the photo and nobody has recounted it; a zero that older apps wrote there was never counted."""
        return self.recount is None and self.gate_verdict == "rejected"

    @property
    def count(self) -> int | None:
        """Insects of the trap's own pest; None if nobody has counted that pest."""
        return None if self.is_uncounted_photo else self.counts.get(self.pest)


def catch_rows(session: Session, region: str, since: datetime) -> list[Catch]:
    """A region's observations since an instant, oldest first."""
    wanted = _observations().where(Device.region_id == region, Observation.taken_at >= since)
    return _with_recounts(session, wanted.order_by(Observation.taken_at, Observation.device_id, Observation.seq))


def catch_page(
    session: Session, region: str, since: datetime, until: datetime, *, after: Catch | None, limit: int
) -> list[Catch]:
    """The next observations of a region in a span, in the order of `catch_rows`; whole seasons are read in such pieces.

    Args:
      session: reading is enough.
      region: district id.
      since: aware instant, the first that belongs to the span.
      until: aware instant, the first that no longer does.
      after: the last one of the piece before; None at the beginning.
      limit: observations in a piece.
    """
    order = (Observation.taken_at, Observation.device_id, Observation.seq)
    # From where the piece before ended, not from the span's beginning, and `+ 0` keeps SQLite from sorting all that every
    # phone of the region ever said: both engines then walk along the index of time.
    start = since if after is None else after.taken_at
    wanted = _observations(Observation.device_id + 0).where(
        Device.region_id == region, Observation.taken_at >= start, Observation.taken_at < until
    )
    if after is not None:
        last = (after.taken_at, after.observation.device, after.observation.seq)
        behind = (literal(value, column.type) for value, column in zip(last, order, strict=True))
        wanted = wanted.where(tuple_(*order) > tuple_(*behind))
    return _with_recounts(session, wanted.order_by(*order).limit(limit))


def review_queue(session: Session, region: str, limit: int = 50) -> list[Catch]:
    """Observations whose photo has arrived and that no officer has recounted: doubtful photos first, then the newest."""
    recounted = exists().where(
        Correction.observation_device == Observation.device_id,
        Correction.observation_seq == Observation.seq,
        Correction.by == "officer",
    )
    doubtful_first = case((Observation.gate_verdict == "doubtful", 0), else_=1)
    agreed = Device.withdrawn_at.is_(None)
    wanted = _observations().where(Device.region_id == region, Photo.sha256.is_not(None), agreed, ~recounted)
    return _with_recounts(session, wanted.order_by(doubtful_first, Observation.taken_at.desc()).limit(limit))


def observation_with_photo(session: Session, observation: ObservationId) -> Catch:
    """One observation, with its photo if that has arrived.

    Raises:
      Problem 404.1: there is no such observation, or its trap is not described yet.
    """
    wanted = _observations().where(Observation.device_id == observation.device, Observation.seq == observation.seq)
    found = _with_recounts(session, wanted)
    if not found:
        raise Problem("404.1", name=str(observation))
    return found[0]


def record_officer_recount(
    session: Session,
    observation: ObservationId,
    counts: Mapping[str, int],
    *,
    marks: Sequence[Mapping[str, Any]] | None,
    staff: Staff,
    now: datetime,
) -> Correction:
    """Writes what an officer counted, beside what the phone counted; the phone learns it at its next sync.

    Args:
      session: a writing transaction.
      observation: which one.
      counts: species key -> insects.
      marks: where they are: x, y as fractions of the upright photo, and species; None if only the number was given.
      staff: the officer.
      now: aware instant.
    """
    row = Correction(
        observation_device=observation.device,
        observation_seq=observation.seq,
        by="officer",
        staff_id=staff.id,
        counts=dict(counts),
        marks=None if marks is None else [dict(mark) for mark in marks],
        made_at=now,
        server_seq=next_server_seq(session),
    )
    session.add(row)
    session.flush()
    return row


def photos_for_training(session: Session, region: str) -> list[Catch]:
    """Observations that a model may learn from: the photo is here, the farmer agrees, a person has recounted it."""
    recounted = exists().where(
        Correction.observation_device == Observation.device_id, Correction.observation_seq == Observation.seq
    )
    wanted = _observations().where(
        Device.region_id == region,
        Device.withdrawn_at.is_(None),
        Photo.sha256.is_not(None),
        Observation.photo_consent,
        recounted,
    )
    return _with_recounts(session, wanted.order_by(Observation.taken_at, Observation.device_id, Observation.seq))


def traps_of(session: Session, region: str) -> list[Trap]:
    """A region's traps, by name."""
    wanted = select(Trap).join(Device, Device.id == Trap.device_id).where(Device.region_id == region)
    return list(session.scalars(wanted.order_by(Trap.name, Trap.device_id)))


Observations = Select[Observation, Trap, str, Photo]


def _observations(phone: ColumnElement[int] | InstrumentedAttribute[int] = Observation.device_id) -> Observations:
    described = and_(Trap.device_id == Observation.device_id, Trap.trap == Observation.trap)
    agreed = and_(Photo.sha256 == Observation.photo, Observation.photo_consent)
    return (
        select(Observation, Trap, Device.region_id, Photo)
        .join(Trap, described)
        .join(Device, Device.id == phone)
        .outerjoin(Photo, agreed)
    )


def _with_recounts(session: Session, wanted: Observations) -> list[Catch]:
    rows = session.execute(wanted).all()
    recounts: dict[ObservationId, list[Correction]] = defaultdict(list)
    for chunk in _chunks([ObservationId(o.device_id, o.seq) for o, *_ in rows], 500):
        of_these = tuple_(Correction.observation_device, Correction.observation_seq).in_(chunk)
        for recount in session.scalars(select(Correction).where(of_these)):
            recounts[ObservationId(recount.observation_device, recount.observation_seq)].append(recount)
    return [
        Catch(
            observation=ObservationId(o.device_id, o.seq),
            trap=TrapId(o.device_id, o.trap),
            region=region,
            trap_name=trap.name,
            pest=trap.pest,
            crop=trap.crop,
            trap_type=trap.trap_type,
            subdistrict=trap.subdistrict,
            taken_at=o.taken_at,
            taken_at_doubtful=o.taken_at_doubtful,
            nights=o.nights,
            emptied=o.emptied,
            lure_age_days=o.lure_age_days,
            source=o.source,
            model=o.model,
            intervals=o.intervals or {},
            gate_verdict=o.gate_verdict,
            gate_reason=o.gate_reason,
            counted_by_phone=o.counts,
            recount=standing_recount(recounts[ObservationId(o.device_id, o.seq)]),
            photo=photo,
        )
        for o, trap, region, photo in rows
    ]


def _chunks(ids: Sequence[ObservationId], size: int) -> Iterable[Sequence[ObservationId]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
