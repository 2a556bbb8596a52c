"""The tables that are read, made from usable facts: traps, services, observations, the farmers' corrections.

Promises: the ledger alone could make them anew; one statement for each kind of fact, however many there are.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from pestwatch.sync import protocol
from pestwatch.sync.clock import PhoneClock
from pestwatch.sync.merge import description_wins
from pestwatch.sync.protocol import CorrectionFact, InspectionFact, ObservationFact, ServiceFact, TrapFact, read_fact
from server.db.many_rows import insert_rows
from server.db.tables import Correction, Device, Fact, Inspection, Observation, Service, Trap

MOST_TRAPS = 24
"""On a farmer's phone; a lead farmer's may have more. A guess: far above what one farm hangs up."""


def count_in(session: Session, device: int, facts: Iterable[protocol.Fact], clock: PhoneClock, server_seq: int) -> None:
    """Writes a phone's usable facts into the tables that are read."""
    typed = [fact.typed for fact in facts]
    _describe_traps(session, device, [f for f in typed if isinstance(f, TrapFact)], clock)
    services = [_service(f, clock) for f in typed if isinstance(f, ServiceFact)]
    insert_rows(session, Service, services, device_id=device)
    observations = [observation_row(f, clock) for f in typed if isinstance(f, ObservationFact)]
    insert_rows(session, Observation, observations, device_id=device)
    inspections = [_inspection(f, clock) for f in typed if isinstance(f, InspectionFact)]
    insert_rows(session, Inspection, inspections, device_id=device)
    recounts = [_correction(device, f, clock, server_seq) for f in typed if isinstance(f, CorrectionFact)]
    insert_rows(session, Correction, recounts)


def count_anew(session: Session, device: int, fact: protocol.Fact, clock: PhoneClock, server_seq: int) -> None:
    """Puts a whole fact in the place of what an SMS said of it."""
    if isinstance(fact.typed, ObservationFact):
        session.merge(Observation(device_id=device, **observation_row(fact.typed, clock)))
    if isinstance(fact.typed, CorrectionFact):
        own = update(Correction).where(Correction.observation_device == device, Correction.fact_seq == fact.seq)
        session.execute(own.values(_correction(device, fact.typed, clock, server_seq)))


def appoint_lead(session: Session, device: Device, *, is_lead: bool, now: datetime) -> None:
    """Makes a phone a lead farmer's, which brings in the traps that were too many for a farmer's, or takes it back."""
    device.lead_since = (device.lead_since or now) if is_lead else None
    if not is_lead:
        return
    described = select(Fact).where(Fact.device_id == device.id, Fact.kind == "trap", Fact.status == "stored")
    for row in session.scalars(described.order_by(Fact.seq)):
        typed = read_fact(row.content.encode()).typed
        if isinstance(typed, TrapFact):
            clock = PhoneClock(timedelta(milliseconds=row.clock_offset_ms), row.received_at)
            _describe_traps(session, device.id, [typed], clock)


def _describe_traps(session: Session, device: int, facts: Sequence[TrapFact], clock: PhoneClock) -> None:
    names = {fact.body.trap for fact in facts}
    if not names:
        return
    wanted = select(Trap).where(Trap.device_id == device, Trap.trap.in_(names))
    standing = {trap.trap: trap for trap in session.scalars(wanted)}
    room = _room_for_traps(session, device) if names - standing.keys() else 0
    for fact in facts:
        body, at = fact.body, clock.corrected(fact.at).at
        trap = standing.get(body.trap)
        if not description_wins((at, fact.seq), (trap.described_at, trap.described_seq) if trap else None):
            continue
        if trap is None and room <= 0:
            continue  # it waits in the ledger until the phone is a lead farmer's
        if trap is None:
            room -= 1
            trap = standing[body.trap] = Trap(device_id=device, trap=body.trap)
            session.add(trap)
        for name in body.__struct_fields__:
            setattr(trap, name, getattr(body, name))
        trap.emptied_at = clock.corrected(body.emptied_at).at if body.emptied_at else None
        trap.described_at, trap.described_seq = at, fact.seq
    session.flush()


def _room_for_traps(session: Session, device: int) -> int:
    """How many more traps a phone may have; an imported source is as free as a lead farmer."""
    is_free = or_(Device.lead_since.is_not(None), Device.source.is_not(None))
    if session.scalar(select(Device.id).where(Device.id == device, is_free)):
        return 1_000_000
    return MOST_TRAPS - session.scalars(select(func.count()).where(Trap.device_id == device)).one()


def _service(fact: ServiceFact, clock: PhoneClock) -> dict[str, Any]:
    body = fact.body
    return {
        "seq": fact.seq,
        "trap": body.trap,
        "serviced_at": clock.corrected(body.serviced_at).at,
        "emptied": body.emptied,
        "lure_changed": body.lure_changed,
    }


def _inspection(fact: InspectionFact, clock: PhoneClock) -> dict[str, Any]:
    body = fact.body
    return {
        "seq": fact.seq,
        "trap": body.trap,
        "inspected_at": clock.corrected(body.inspected_at).at,
        "rule": body.rule,
        "part": body.part,
        "looked": body.looked,
        "found": body.found,
    }


def observation_row(fact: ObservationFact, clock: PhoneClock) -> dict[str, Any]:
    """The row of an observation, but for whose it is."""
    body, taken = fact.body, clock.corrected(fact.body.taken_at)
    return {
        "seq": fact.seq,
        "trap": body.trap,
        "taken_at": taken.at,
        "taken_at_doubtful": taken.is_doubtful,
        "source": body.source,
        "counts": body.counts,
        "nights": body.nights,
        "emptied": body.emptied,
        "lure_age_days": body.lure_age_days,
        "model": body.model,
        "intervals": body.intervals,
        "gate_verdict": body.gate.verdict if body.gate else None,
        "gate_reason": body.gate.reason if body.gate else None,
        "photo": body.photo,
        "photo_consent": body.photo_consent,
        "decoded_scale": body.decoded_scale,
    }


def _correction(device: int, fact: CorrectionFact, clock: PhoneClock, server_seq: int) -> dict[str, Any]:
    body = fact.body
    return {
        "observation_device": device,
        "observation_seq": body.observation,
        "by": "farmer",
        "fact_seq": fact.seq,
        "counts": body.counts,
        "marks": None if body.marks is None else [{"x": m.x, "y": m.y, "species": m.species} for m in body.marks],
        "made_at": clock.corrected(fact.at).at,
        "server_seq": server_seq,
    }
