"""Where the phone saw insects: read from the ledger, which keeps every field that a phone sends.

A phone may add `marks` to its observation; they are shown to the officer on request and used for nothing else.
"""

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from pestwatch.sync.protocol import Mark
from server.db.catches import ObservationId
from server.db.tables import Fact


class _Body(msgspec.Struct):
    marks: list[Mark] = []


class _Content(msgspec.Struct):
    body: _Body


def phone_marks(session: Session, observation: ObservationId) -> list[Mark]:
    """What the phone marked on the photo; empty when it did not say, or not in a way that can be read."""
    wanted = select(Fact.content).where(Fact.device_id == observation.device, Fact.seq == observation.seq)
    content = session.scalar(wanted)
    if content is None:
        return []
    try:
        return msgspec.json.decode(content, type=_Content).body.marks
    except msgspec.DecodeError:
        return []
