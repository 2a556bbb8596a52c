"""What has arrived of a phone's facts: from itself, or from another on which its saved file was put back."""

from collections import defaultdict

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from server.db.tables import Device, Fact


class _Origin(msgspec.Struct, frozen=True):
    phone: str
    seq: int


class _Told(msgspec.Struct, frozen=True):
    """The one field of a retold fact that matters here; the ledger keeps it with the rest of the content."""

    was: _Origin | None = None


def arrived_facts(session: Session, phone: str, region: str) -> dict[str, set[int]]:
    """Numbers of facts that are in the ledger, by the phone that made them.

    Args:
      session: sees every region.
      phone: the public key of the phone that is asked about.
      region: whose phones may have retold its facts.
    """
    its_own = select(Device.id).where(Device.public_key == phone)
    beside = select(Device.id).where(Device.region_id == region)
    # A reading of the region's ledger: seldom, as it happens once for each file that is put back.
    is_retold = Fact.content.contains(f'"was":{{"phone":"{phone}"', autoescape=True)
    wanted = select(Fact.device_id, Fact.seq, Fact.content).where(
        or_(Fact.device_id.in_(its_own), Fact.device_id.in_(beside) & is_retold), Fact.seq.is_not(None)
    )
    own = set(session.scalars(its_own))
    arrived: dict[str, set[int]] = defaultdict(set)
    for device, seq, content in session.execute(wanted):
        if device in own and seq is not None:
            arrived[phone].add(seq)
        if (was := _origin(content)) is not None:
            arrived[was.phone].add(was.seq)
    return arrived


def _origin(content: str) -> _Origin | None:
    try:
        return msgspec.json.decode(content, type=_Told).was
    except msgspec.MsgspecError:  # whatever a phone wrote there
        return None
