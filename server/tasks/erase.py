"""erase_withdrawn: whoever took the consent back, and did not give it again, is erased after a month.

What phones said that no officer let in goes within the hour.
"""

from datetime import datetime, timedelta

from server.config import Settings
from server.db import openings
from server.db.devices import device_by_id
from server.db.personal import withdrawn_before
from server.db.session import open_engine, session_scope
from server.erasure import erase_person

GRACE = timedelta(days=30)
"""Long enough to change one's mind about a mistaken tap; a guess."""


def erase_withdrawn(settings: Settings, now: datetime) -> int:
    """Erases who is due, each in a transaction of their own.

    Args:
      settings: whose database and photos.
      now: aware instant.

    Returns:
      How many were erased.
    """
    engine = open_engine(settings.database_url)
    try:
        with session_scope(engine) as session:
            openings.forget_strangers(session, now)
            due = [device.id for device in withdrawn_before(session, now - GRACE)]
        for device in due:
            with session_scope(engine) as session:
                erase_person(session, settings, device_by_id(session, device), staff=None, now=now)
        return len(due)
    finally:
        engine.dispose()
