"""The ledger: stores each fact once, however often it comes, and tells a phone what is new.

Station 5 of 9. Promises: (device, seq) is unique and decided by the database; a fact's status never changes except from
quarantined to stored, and its content only from what an SMS said of it to the whole that HTTP brings; `server_seq` rises
in the order of commit, because whoever takes a number holds the counter's row until commit, so a reader who has seen 7
can never meet a late 6. Whoever writes facts takes the number *first*; all writers so lock in one order. Source:
docs/adr/0003. The other reads and writes stand beside this file, by noun.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from pestwatch.sync.clock import PhoneClock
from pestwatch.sync.merge import description_wins
from pestwatch.sync.protocol import (
    CorrectionFact,
    Fact,
    InspectionFact,
    ObservationFact,
    ServiceFact,
    Status,
    TrapFact,
    read_fact,
)
from pestwatch.sync.sms import is_same_in_sms
from server.db import tables
from server.db.session import Table
from server.db.tables import Advisory, Correction, Counter, Device, Inspection, Observation, Service, Trap

MOST_TRAPS = 24
"""On a farmer's phone; a lead farmer's may have more. A guess: far above what one farm hangs up."""


@dataclass(frozen=True)
class Receipt:
    """What became of one fact; `status` is the protocol's word for it."""

    seq: int | None
    status: Status
    problem: Problem | None = None


class Standing(NamedTuple):
    """What the ledger says already about a fact's number, or about a content without one."""

    content_hash: str
    status: Status
    problem: dict[str, Any] | None
    content: str
    sms_id: int | None

    def is_same(self, fact: Fact, sms_id: int | None) -> bool:
        """Whether a fact that arrives says the same; one of an SMS and a whole one, as far as an SMS says it."""
        if self.content_hash == fact.content_hash:
            return True
        if (self.sms_id is None) == (sms_id is None):
            return False
        return is_same_in_sms(read_fact(self.content.encode()).typed, fact.typed)


@dataclass(frozen=True)
class Page:
    """Changes after a cursor, oldest first."""

    changes: Sequence[Advisory | Correction]
    last: int
    more: bool


def next_server_seq(session: Session) -> int:
    """Takes the next number; every other taker waits until this transaction ends."""
    raised = (
        update(Counter).where(Counter.name == "server_seq").values(value=Counter.value + 1).returning(Counter.value)
    )
    return session.scalars(raised.execution_options(synchronize_session=False)).one()


def record_facts(
    session: Session, device: Device, facts: Sequence[Fact], clock: PhoneClock, sms_id: int | None = None
) -> list[Receipt]:
    """Stores what a phone pushed and answers for each fact, in the same order.

    Args:
      session: a writing transaction; acknowledge only after it has committed.
      device: who sent them; a revoked phone's facts are kept in quarantine.
      facts: as read by the protocol, usable or not.
      clock: the phone's clock as this message showed it.
      sms_id: which SMS said them, shortened; None: they are whole.
    """
    if not facts:
        return []
    server_seq = next_server_seq(session)
    known = _known(session, device.id, facts)
    receipts, rows, usable, completed = [], [], [], []
    for fact in facts:
        name = fact.content_hash if fact.seq is None else fact.seq
        standing = known.get(name)
        if standing is not None and standing.is_same(fact, sms_id):
            receipts.append(_receipt_again(fact, standing))
            if standing.sms_id is not None and sms_id is None:
                completed.append(fact)
                known[name] = standing._replace(content_hash=fact.content_hash, sms_id=None)
            continue
        status = "conflict" if standing else _status(fact, device)
        receipts.append(Receipt(fact.seq, status, fact.problem))
        if standing is not None:
            if fact.content_hash in known:
                continue  # this conflict is kept already
            name = fact.content_hash
        row = _ledger_row(device.id, fact, status, clock, sms_id)
        known[name] = Standing(fact.content_hash, status, row["problem"], fact.content, sms_id)
        rows.append(row | {"server_seq": server_seq})
        if status == "stored":
            usable.append(fact)
    _insert_all(session, tables.Fact, rows)
    _project(session, device.id, usable, clock, server_seq)
    _complete(session, device.id, completed, clock)
    return receipts


def accept_quarantined(session: Session, device: int) -> int:
    """An officer believes what a revoked phone sent: its quarantined facts count from now on. Returns how many."""
    quarantined = select(tables.Fact).where(tables.Fact.device_id == device, tables.Fact.status == "quarantined")
    server_seq = next_server_seq(session)
    rows = list(session.scalars(quarantined.order_by(tables.Fact.seq)))
    for row in rows:
        row.status = "stored"
        clock = PhoneClock(timedelta(milliseconds=row.clock_offset_ms), row.received_at)
        _project(session, device, [read_fact(row.content.encode())], clock, server_seq)
    return len(rows)


def appoint_lead(session: Session, device: Device, *, is_lead: bool, now: datetime) -> None:
    """Makes a phone a lead farmer's, which brings in the traps that were too many for a farmer's, or takes it back."""
    device.lead_since = (device.lead_since or now) if is_lead else None
    if not is_lead:
        return
    described = select(tables.Fact).where(
        tables.Fact.device_id == device.id, tables.Fact.kind == "trap", tables.Fact.status == "stored"
    )
    for row in session.scalars(described.order_by(tables.Fact.seq)):
        typed = read_fact(row.content.encode()).typed
        if isinstance(typed, TrapFact):
            clock = PhoneClock(timedelta(milliseconds=row.clock_offset_ms), row.received_at)
            _describe_traps(session, device.id, [typed], clock)


def facts_with_problems(session: Session, region: str, limit: int = 100) -> list[tables.Fact]:
    """What a region's phones sent and could not be used as it came (rejected, conflict, quarantined), newest first."""
    wanted = (
        select(tables.Fact)
        .join(Device, Device.id == tables.Fact.device_id)
        .where(Device.region_id == region, tables.Fact.status != "stored")
    )
    return list(session.scalars(wanted.order_by(tables.Fact.id.desc()).limit(limit)))


def changes_since(session: Session, device: Device, after: int, limit: int) -> Page:
    """What a phone does not know yet: advice for its region or traps, and officers' recounts of its observations.

    Args:
      session: reading is enough.
      device: whose changes.
      after: `Page.last` of the previous page, 0 at first. A number that was never given out (the database came back
        from a backup) starts over: every change may come twice without harm.
      limit: changes on a page.
    """
    newest = session.scalars(select(Counter.value).where(Counter.name == "server_seq")).one()
    after = 0 if after > newest else after
    advisories = (
        select(Advisory)
        .where(Advisory.region_id == device.region_id, _for_device(device), Advisory.server_seq > after)
        .order_by(Advisory.server_seq)
        .limit(limit + 1)
    )
    recounts = (
        select(Correction)
        .where(Correction.observation_device == device.id, Correction.by == "officer", Correction.server_seq > after)
        .order_by(Correction.server_seq)
        .limit(limit + 1)
    )
    found: list[Advisory | Correction] = [*session.scalars(advisories), *session.scalars(recounts)]
    found.sort(key=lambda change: change.server_seq)
    page = found[:limit]
    return Page(page, last=page[-1].server_seq if page else after, more=len(found) > limit)


def record_sync(
    session: Session, device: Device, clock: PhoneClock, *, locale: str, app: str | None, model: str | None
) -> None:
    """Notes when a phone was here and what it said about itself; over-long names are cut, for they must block nothing."""
    session.execute(
        update(Device)
        .where(Device.id == device.id)
        .values(
            last_seen_at=clock.received_at,
            clock_offset_ms=clock.offset_ms,
            locale=locale,
            app_version=_word(app, 40),
            model_version=_word(model, 80),
        )
    )


def _word(text: str | None, letters: int) -> str | None:
    return text and text.replace("\0", "")[:letters]


def _for_device(device: Device) -> ColumnElement[bool]:
    return or_(Advisory.device_id.is_(None), Advisory.device_id == device.id)


def _known(session: Session, device: int, facts: Iterable[Fact]) -> dict[int | str, Standing]:
    """What stands under the facts' numbers, and under the content of those that have none or are in conflict."""
    row = tables.Fact
    columns = (row.content_hash, row.status, row.problem, row.content, row.sms_id)
    numbers = {fact.seq for fact in facts if fact.seq is not None}
    numbered = select(row.seq, *columns).where(row.device_id == device, row.seq.in_(numbers))
    known: dict[int | str, Standing] = {seq or 0: Standing(*said) for seq, *said in session.execute(numbered)}
    strays = {
        fact.content_hash
        for fact in facts
        if fact.seq is None or (fact.seq in known and known[fact.seq].content_hash != fact.content_hash)
    }
    if strays:
        aside = select(*columns).where(row.device_id == device, row.seq.is_(None), row.content_hash.in_(strays))
        known |= {said[0]: Standing(*said) for said in session.execute(aside)}
    return known


def _receipt_again(fact: Fact, standing: Standing) -> Receipt:
    """The answer to a fact that came before: the same as then, only `stored` is now `duplicate`."""
    problem = Problem(standing.problem["number"], **standing.problem["params"]) if standing.problem else None
    return Receipt(fact.seq, "duplicate" if standing.status == "stored" else standing.status, problem)


def _status(fact: Fact, device: Device) -> Status:
    if fact.problem:
        return "rejected"
    return "quarantined" if device.revoked_at else "stored"


def _ledger_row(device: int, fact: Fact, status: Status, clock: PhoneClock, sms_id: int | None) -> dict[str, Any]:
    return {
        "device_id": device,
        "seq": None if status == "conflict" else fact.seq,
        "kind": fact.kind,
        "content_hash": fact.content_hash,
        "content": fact.content,
        "status": status,
        "problem": {"number": fact.problem.number, "params": dict(fact.problem.params)} if fact.problem else None,
        "at_phone": fact.typed.at if fact.typed else None,
        "at_corrected": clock.corrected(fact.typed.at).at if fact.typed else clock.received_at,
        "clock_offset_ms": clock.offset_ms,
        "received_at": clock.received_at,
        "sms_id": sms_id,
    }


def _complete(session: Session, device: int, facts: Sequence[Fact], clock: PhoneClock) -> None:
    """Puts whole facts in the place of what an SMS said of them; each keeps its status and its place in the order."""
    for fact in facts:
        row = session.scalars(
            select(tables.Fact).where(tables.Fact.device_id == device, tables.Fact.seq == fact.seq)
        ).one()
        for name, value in _ledger_row(device, fact, row.status, clock, None).items():
            setattr(row, name, value)
        if row.status != "stored":
            continue
        if isinstance(fact.typed, ObservationFact):
            session.merge(Observation(**_observation(device, fact.typed, clock)))
        if isinstance(fact.typed, CorrectionFact):
            own = update(Correction).where(Correction.observation_device == device, Correction.fact_seq == fact.seq)
            session.execute(own.values(_correction(device, fact.typed, clock, row.server_seq)))


def _insert_all(session: Session, table: type[Table], rows: list[dict[str, Any]]) -> None:
    """One statement for all rows; `render_nulls` keeps SQLAlchemy from splitting them by which columns are null."""
    if rows:
        session.execute(insert(table).execution_options(render_nulls=True), rows)


def _project(session: Session, device: int, facts: Iterable[Fact], clock: PhoneClock, server_seq: int) -> None:
    """Writes usable facts into the tables that are read; one statement for each kind."""
    typed = [fact.typed for fact in facts]
    _describe_traps(session, device, [f for f in typed if isinstance(f, TrapFact)], clock)
    _insert_all(session, Service, [_service(device, f, clock) for f in typed if isinstance(f, ServiceFact)])
    _insert_all(session, Observation, [_observation(device, f, clock) for f in typed if isinstance(f, ObservationFact)])
    _insert_all(session, Inspection, [_inspection(device, f, clock) for f in typed if isinstance(f, InspectionFact)])
    recounts = [_correction(device, f, clock, server_seq) for f in typed if isinstance(f, CorrectionFact)]
    _insert_all(session, Correction, recounts)


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


def _service(device: int, fact: ServiceFact, clock: PhoneClock) -> dict[str, Any]:
    body = fact.body
    return {
        "device_id": device,
        "seq": fact.seq,
        "trap": body.trap,
        "serviced_at": clock.corrected(body.serviced_at).at,
        "emptied": body.emptied,
        "lure_changed": body.lure_changed,
    }


def _inspection(device: int, fact: InspectionFact, clock: PhoneClock) -> dict[str, Any]:
    body = fact.body
    return {
        "device_id": device,
        "seq": fact.seq,
        "trap": body.trap,
        "inspected_at": clock.corrected(body.inspected_at).at,
        "rule": body.rule,
        "part": body.part,
        "looked": body.looked,
        "found": body.found,
    }


def _observation(device: int, fact: ObservationFact, clock: PhoneClock) -> dict[str, Any]:
    body, taken = fact.body, clock.corrected(fact.body.taken_at)
    return {
        "device_id": device,
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
