"""What could not be used of what phones sent: facts, and texts of an SMS gateway."""

from sqlalchemy.orm import Session

from server.db import sms, store
from server.db.tables import Fact, Sms


def troubles_of(session: Session, region: str, limit: int, *, nobodys: bool = False) -> list[Fact | Sms]:
    """A region's troubles, newest first.

    Args:
      session: reading is enough.
      region: of the phones.
      limit: at most so many.
      nobodys: whether texts that name no phone at all are wanted too.
    """
    found: list[Fact | Sms] = [
        *store.facts_with_problems(session, region, limit),
        *sms.texts_with_problems(session, region, limit, nobodys=nobodys),
    ]
    return sorted(found, key=lambda trouble: trouble.received_at, reverse=True)[:limit]
