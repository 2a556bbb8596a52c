"""The ledger: stores each fact once, however often it comes, and tells a phone what is new.

Station 5 of 9. Promises: (device, seq) is unique and decided by the database; a fact's status never changes except from
quarantined to stored, and its content only from what an SMS said of it to the whole that HTTP brings; `server_seq` rises
in the order of commit, because whoever takes a number holds the counter's row until commit, so a reader who has seen 7
can never meet a late 6. Whoever writes facts takes the number before any of them, after the row of the phone that speaks;
all writers so lock in one order. Source: docs/adr/0003. The other reads and writes stand beside this file, by noun.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Select,
    String,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from pestwatch.sync.clock import PhoneClock
from pestwatch.sync.cursor import NEVER_RESTORED, Cursor
from pestwatch.sync.protocol import Fact, Status, read_fact
from pestwatch.sync.sms import is_same_in_sms
from server.db import tables
from server.db.eras import ERA
from server.db.many_rows import insert_new_rows, insert_rows
from server.db.read_models import count_anew, count_in
from server.db.session import Table
from server.db.tables import UNCOUNTED, Advisory, Correction, Counter, Device
from server.faults import passes

log = logging.getLogger(__name__)


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
    """Changes after a cursor, oldest first.

    Args:
      changes: themselves.
      cursor: where the next page begins.
      more: whether there is one.
      is_of_another_era: the server has come back from a backup since the phone was given its cursor.
    """

    changes: Sequence[Advisory | Correction]
    cursor: Cursor
    more: bool
    is_of_another_era: bool


def _changes_of_a_phone() -> Select[tuple[int, int, int, int, int]]:
    """Kind, id and number of a phone's changes; one row of nulls beside the newest number and the era if there are none.

    One statement, so one moment: between two of them a change could slip in below the other's newest.
    """
    newest = select(Counter.value).where(Counter.name == "server_seq").scalar_subquery()
    found_era = select(Counter.value).where(Counter.name == ERA).scalar_subquery()
    era = func.coalesce(found_era, NEVER_RESTORED)
    after = bindparam("after", type_=BigInteger)
    start = case((or_(after > newest, bindparam("era", type_=BigInteger) != era), 0), else_=after)
    device = bindparam("device", type_=BigInteger)
    advisories = select(  # type: ignore[var-annotated]
        literal_column("0").label("is_recount"), Advisory.id, Advisory.server_seq
    ).where(
        Advisory.region_id == bindparam("region", type_=String),
        or_(Advisory.device_id.is_(None), Advisory.device_id == device),
        Advisory.server_seq > start,
    )
    recounts = select(  # type: ignore[var-annotated]
        literal_column("1"), Correction.id, Correction.server_seq
    ).where(Correction.observation_device == device, Correction.by == "officer", Correction.server_seq > start)
    order = ("server_seq", "is_recount", "id")
    found = union_all(advisories, recounts).order_by(*order).limit(bindparam("most", type_=BigInteger)).subquery()
    told = select(Counter.value, era.label("era"), found.c.is_recount, found.c.id, found.c.server_seq)
    ours = told.outerjoin(found, true()).where(Counter.name == "server_seq")
    return ours.order_by(found.c.server_seq, found.c.is_recount, found.c.id)


_COUNTERS, _DEVICES = (Table.metadata.tables[name] for name in ("counters", "devices"))
# Made once: making a statement costs more than running it.
_CHANGES = _changes_of_a_phone()
_RAISE = (
    update(_COUNTERS)
    .where(_COUNTERS.c.name == "server_seq")
    .values(value=_COUNTERS.c.value + 1)
    .returning(_COUNTERS.c.value)
)
_WAS_HERE = update(_DEVICES).where(_DEVICES.c.id == bindparam("phone"))


def next_server_seq(session: Session) -> int:
    """Takes the next number; every other taker waits until this transaction ends."""
    taken: int = session.connection().execute(_RAISE).scalars().one()
    return taken


def record_facts(
    session: Session,
    device: Device,
    facts: Sequence[Fact],
    clock: PhoneClock,
    sms_id: int | None = None,
    *,
    carefully: bool = False,
) -> list[Receipt]:
    """Stores what a phone pushed and answers for each fact, in the same order.

    Args:
      session: a writing transaction; acknowledge only after it has committed.
      device: who sent them; a revoked phone's facts are kept in quarantine.
      facts: as read by the protocol, usable or not.
      clock: the phone's clock as this message showed it.
      sms_id: which SMS said them, shortened; None: they are whole.
      carefully: counts each fact in by itself, slowly; one that breaks is stored all the same, and tried again later.
    """
    if not facts:
        return []
    firsts: dict[int, Fact] = {}
    for fact in facts:
        if fact.seq is not None:
            firsts.setdefault(fact.seq, fact)
    rows = [_ledger_row(fact, _status(fact, device), clock) for fact in firsts.values()]
    server_seq = next_server_seq(session)  # as late as can be, for all writers wait for it
    same = _same_in_all(device.id, clock, sms_id, server_seq)
    if insert_new_rows(session, tables.Fact, rows, **same) == len(facts):  # as nearly always
        new = firsts
        receipts = [Receipt(fact.seq, _status(fact, device), fact.problem) for fact in facts]
    else:
        ours = select(tables.Fact.seq).where(tables.Fact.device_id == device.id, tables.Fact.server_seq == server_seq)
        new = {seq: firsts[seq] for seq in session.scalars(ours) if seq is not None}
        receipts = _settle(session, device, facts, new, clock, same)
    if not device.revoked_at:
        usable = [fact for fact in new.values() if not fact.problem]
        if carefully:
            _count_one_by_one(session, device.id, usable, clock, server_seq)
        else:
            count_in(session, device.id, usable, clock, server_seq)
    return receipts


def count_waiting(session: Session, limit: int = 500) -> int:
    """Counts in what is stored and broke when it was to be counted, oldest first. Returns how many count now."""
    wanted = select(tables.Fact).where(UNCOUNTED).order_by(tables.Fact.id).limit(limit)
    rows = list(session.scalars(wanted))
    return sum(_count_row(session, row, row.server_seq) for row in rows)


def accept_quarantined(session: Session, device: int) -> int:
    """An officer believes what a revoked phone sent: its quarantined facts count from now on. Returns how many."""
    quarantined = select(tables.Fact).where(tables.Fact.device_id == device, tables.Fact.status == "quarantined")
    server_seq = next_server_seq(session)
    rows = list(session.scalars(quarantined.order_by(tables.Fact.seq)))
    for row in rows:
        row.status = "stored"
        _count_row(session, row, server_seq)
    return len(rows)


def facts_with_problems(session: Session, region: str, limit: int = 100) -> list[tables.Fact]:
    """What a region's phones sent and does not count: rejected, in conflict, quarantined, or not yet. Newest first."""
    wanted = (
        select(tables.Fact)
        .join(Device, Device.id == tables.Fact.device_id)
        .where(Device.region_id == region, or_(tables.Fact.status != "stored", UNCOUNTED))
    )
    return list(session.scalars(wanted.order_by(tables.Fact.id.desc()).limit(limit)))


def changes_since(session: Session, device: Device, cursor: Cursor, limit: int) -> Page:
    """What a phone does not know yet: advice for its region or traps, and officers' recounts of its observations.

    Args:
      session: reading is enough.
      device: whose changes.
      cursor: as the phone holds it. One of another era, or that was never given out, starts over: every change may come
        twice without harm.
      limit: changes on a page.
    """
    asked = {"region": device.region_id, "device": device.id, "after": cursor.last, "most": limit + 1}
    rows = session.connection().execute(_CHANGES, asked | {"era": cursor.era or NEVER_RESTORED}).all()
    newest, era = rows[0].value, rows[0].era
    is_of_another_era = cursor.era is not None and (cursor.era != era or cursor.last > newest)
    page = [row for row in rows if row.id is not None][:limit]
    by_kind = [{row.id for row in page if row.is_recount == kind} for kind in (0, 1)]
    found_rows: list[Advisory | Correction] = []
    if page:
        found_rows += session.scalars(select(Advisory).where(Advisory.id.in_(by_kind[0])))
        found_rows += session.scalars(select(Correction).where(Correction.id.in_(by_kind[1])))
    changes = sorted(found_rows, key=lambda change: (change.server_seq, isinstance(change, Correction), change.id))
    last = page[-1].server_seq if page else (0 if is_of_another_era else cursor.last)
    return Page(changes, Cursor(last, era), len(rows) > limit, is_of_another_era)


def record_sync(
    session: Session,
    device: Device,
    clock: PhoneClock,
    *,
    locale: str,
    app: str | None,
    model: str | None,
    public_key: str | None = None,
) -> None:
    """Notes when a phone was here, its key and what it said of itself; over-long names are cut: they block nothing."""
    told = {
        "last_seen_at": clock.received_at,
        "clock_offset_ms": clock.offset_ms,
        "locale": locale,
        "app_version": _word(app, 40),
        "model_version": _word(model, 80),
        "public_key": device.public_key or public_key,
    }
    session.connection().execute(_WAS_HERE, told | {"phone": device.id})


def _word(text: str | None, letters: int) -> str | None:
    return text and text.replace("\0", "")[:letters]


def _settle(
    session: Session,
    device: Device,
    facts: Sequence[Fact],
    new: dict[int, Fact],
    clock: PhoneClock,
    same: dict[str, Any],
) -> list[Receipt]:
    """Answers for a message in which not all were new; keeps aside what has no number or is in conflict."""
    known, sms_id = _known(session, device.id, facts), same["sms_id"]
    receipts, rows, completed = [], [], []
    for fact in facts:
        if fact.seq is not None and new.get(fact.seq) is fact:
            receipts.append(Receipt(fact.seq, _status(fact, device), fact.problem))
            continue
        name = fact.content_hash if fact.seq is None else fact.seq
        standing = known.get(name)
        if standing is not None and standing.is_same(fact, sms_id):
            receipts.append(_receipt_again(fact, standing))
            if standing.sms_id is not None and sms_id is None:
                completed.append(fact)
                known[name] = standing._replace(content_hash=fact.content_hash, sms_id=None)
            continue
        status: Status = "conflict" if standing else _status(fact, device)
        receipts.append(Receipt(fact.seq, status, fact.problem))
        if fact.content_hash not in known:
            row = _ledger_row(fact, status, clock)
            known[fact.content_hash] = Standing(fact.content_hash, status, row["problem"], fact.content, sms_id)
            rows.append(row)
    insert_rows(session, tables.Fact, rows, **same)
    _complete(session, device.id, completed, clock)
    return receipts


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
    if standing.status == "stored":
        return Receipt(fact.seq, "duplicate")
    problem = Problem(standing.problem["number"], **standing.problem["params"]) if standing.problem else None
    return Receipt(fact.seq, standing.status, problem)


def _status(fact: Fact, device: Device) -> Status:
    if fact.problem:
        return "rejected"
    return "quarantined" if device.revoked_at else "stored"


def _ledger_row(fact: Fact, status: Status, clock: PhoneClock) -> dict[str, Any]:
    return {
        "seq": None if status == "conflict" else fact.seq,
        "kind": fact.kind,
        "content_hash": fact.content_hash,
        "content": fact.content,
        "status": status,
        "problem": _stored(fact.problem) if fact.problem else None,
        "at_phone": fact.typed.at if fact.typed else None,
        "at_corrected": clock.corrected(fact.typed.at).at if fact.typed else clock.received_at,
    }


def _same_in_all(device: int, clock: PhoneClock, sms_id: int | None, server_seq: int) -> dict[str, Any]:
    """What the ledger's rows of one message have in common."""
    return {
        "device_id": device,
        "clock_offset_ms": clock.offset_ms,
        "received_at": clock.received_at,
        "server_seq": server_seq,
        "sms_id": sms_id,
    }


def _stored(problem: Problem) -> dict[str, Any]:
    return {"number": problem.number, "params": dict(problem.params)}


def _count_one_by_one(
    session: Session, device: int, facts: Collection[Fact], clock: PhoneClock, server_seq: int
) -> None:
    for fact in facts:
        if (problem := _broke(session, device, fact, clock, server_seq)) is not None:
            own = update(tables.Fact).where(tables.Fact.device_id == device, tables.Fact.seq == fact.seq)
            session.execute(own.values(problem=_stored(problem)))


def _count_row(session: Session, row: tables.Fact, server_seq: int) -> bool:
    """Counts a stored row in; whether that worked stands in the row."""
    clock = PhoneClock(timedelta(milliseconds=row.clock_offset_ms), row.received_at)
    problem = _broke(session, row.device_id, read_fact(row.content.encode()), clock, server_seq)
    row.problem = _stored(problem) if problem else None
    return problem is None


def _broke(session: Session, device: int, fact: Fact, clock: PhoneClock, server_seq: int) -> Problem | None:
    """Counts one fact in; what breaks is undone, written down and told, and harms nothing else."""
    try:
        with session.begin_nested():
            count_in(session, device, [fact], clock, server_seq)
    except Exception as error:
        if passes(error):  # no fault of this fact's, and none that the next one would not meet
            raise
        log.exception("a stored fact could not be counted")
        return Problem("500.3", detail=type(error).__name__)
    return None


def _complete(session: Session, device: int, facts: Sequence[Fact], clock: PhoneClock) -> None:
    """Puts whole facts in the place of what an SMS said of them; each keeps its status and its place in the order."""
    for fact in facts:
        row = session.scalars(
            select(tables.Fact).where(tables.Fact.device_id == device, tables.Fact.seq == fact.seq)
        ).one()
        is_counted = row.status == "stored" and row.problem is None
        whole = _ledger_row(fact, row.status, clock) | _same_in_all(device, clock, None, row.server_seq)
        for name, value in whole.items():
            setattr(row, name, value)
        if is_counted:
            count_anew(session, device, fact, clock, row.server_seq)
        elif row.status == "stored":
            _count_row(session, row, row.server_seq)
