"""Eras: what a server has forgotten by coming back from a backup, and how phones fill it again.

A restored server lacks what it acknowledged after the backup was made; phones still have it. Each restore begins an era. A
phone whose cursor is of another one is told which of its facts are here, and sends the others again. Source: ADR 0022.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.orm import Session

from server.db.tables import Counter, Device, Fact

ERA = "era"
_OWN = Counter.name == ERA


def begin_era(connection: Connection, now: datetime) -> int:
    """Notes that the database has just come back from a backup; to be committed with the rows that came.

    Returns:
      The era: its second since 1970. One that the backup knew already is never given out again.
    """
    before = connection.execute(select(Counter.value).where(_OWN)).scalar()
    era = max(int(now.timestamp()), (before or 0) + 1)
    if before is None:
        connection.execute(insert(Counter).values(name=ERA, value=era))
    else:
        connection.execute(update(Counter).where(_OWN).values(value=era))
    return era


def restored_at(session: Session) -> datetime | None:
    """When this installation last came back from a backup; None: it never did."""
    era = session.scalar(select(Counter.value).where(_OWN))
    return None if era is None else datetime.fromtimestamp(era, UTC)


def come_again(phones: Iterable[Device], at: datetime) -> tuple[int, int]:
    """How many of the phones that may come again have done so since a restore, and how many they are."""
    since = [phone.last_seen_at for phone in phones if not (phone.source or phone.erased_at or phone.enrolled_at >= at)]
    return sum(seen is not None and seen >= at for seen in since), len(since)


def held_of_device(session: Session, device: int) -> list[tuple[int, int]]:
    """Which facts of an enrolment are here, whole: the first and last number of each run, in order."""
    own = select(Fact.seq).where(Fact.device_id == device, Fact.seq.is_not(None), Fact.sms_id.is_(None))
    return _runs(seq for seq in session.scalars(own.order_by(Fact.seq)) if seq is not None)


def held_of_key(session: Session, public_key: str) -> list[tuple[int, int]]:
    """The same of all enrolments that a phone has had with its key, in a transaction that sees every region."""
    its = select(Device.id).where(Device.public_key == public_key)
    every = select(Fact.seq).where(Fact.device_id.in_(its), Fact.seq.is_not(None), Fact.sms_id.is_(None)).distinct()
    return _runs(seq for seq in session.scalars(every.order_by(Fact.seq)) if seq is not None)


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
