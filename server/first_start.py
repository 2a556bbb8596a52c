"""What an installation needs before it can serve: keys, schema, first region, first officer."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from pestwatch.domain.places import districts
from pestwatch.release.installation import open_installation
from server import auth
from server.config import Settings
from server.db import people
from server.db.migrate import upgrade_to_head
from server.db.session import session_scope

FIRST_OFFICER = "officer"


@dataclass(frozen=True)
class FirstStart:
    """What to tell the person at the terminal."""

    region: str
    officer: str
    password: str | None
    """Only at the very first start: afterwards only its hash is known."""


def prepare(engine: Engine, settings: Settings) -> FirstStart:
    """Makes what is missing and leaves alone what is there; safe to run at every start."""
    now = datetime.now(UTC).replace(microsecond=0)
    open_installation(settings.keys_dir, now)
    upgrade_to_head(engine)
    district = districts().get(settings.region)
    password = None
    with session_scope(engine) as session:
        region = people.record_region(session, settings.region, district.name if district else settings.region, now)
        if not people.staff_exists(session):
            password = secrets.token_urlsafe(9)
            hashed = auth.hash_password(password)
            people.record_staff(
                session, FIRST_OFFICER, password_hash=hashed, role="admin", regions=[region.id], now=now
            )
        return FirstStart(f"{region.name} ({region.id})", FIRST_OFFICER, password)


def new_code(engine: Engine, settings: Settings) -> tuple[str, str]:
    """Makes an enrolment code for one phone of the first region.

    Returns:
      The code, and the address that stands in its QR.
    """
    with session_scope(engine) as session:
        code = auth.make_code(session, settings.region, datetime.now(UTC))
    return code, auth.enrolment_address(settings.public_url, code)
