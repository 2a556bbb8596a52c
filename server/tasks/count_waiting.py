"""count_waiting_facts: what is stored, and broke when it was to be counted, is tried again."""

from datetime import datetime

from server.config import Settings
from server.db import store
from server.db.session import open_engine, session_scope


def count_waiting_facts(settings: Settings, _now: datetime) -> int:
    """Counts in what waits. Returns how many facts count now that did not before."""
    engine = open_engine(settings.database_url)
    try:
        with session_scope(engine) as session:
            return store.count_waiting(session)
    finally:
        engine.dispose()
