"""What an installation needs before it can serve: schema, the installation's keys, first region, first officer."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from pestwatch.domain.places import districts
from server import auth, machines
from server.config import Settings
from server.db import logins, people
from server.db.migrate import is_at_head, upgrade_to_head
from server.db.session import open_engine, session_scope

FIRST_OFFICER = "officer"
LACKS = "this machine lacks what another one made, and should share its folders (docs/operations.md)"


@dataclass(frozen=True)
class FirstStart:
    """What to tell the person at the terminal."""

    region: str
    officer: str
    password: str | None
    """Only at the very first start: afterwards only its hash is known."""
    lacking: str | None
    """What this machine lacks that another one of the installation has, as a sentence for the log."""


def prepare(engine: Engine, settings: Settings) -> FirstStart:
    """Makes what is missing and leaves alone what is there; safe to run at every start.

    Raises:
      Problem 422.5: this machine's keys are not the installation's, or the schema is old and this login may not change it.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    _bring_schema(engine, settings)
    district = districts().get(settings.region)
    password = None
    with session_scope(engine) as session:
        machines.check_keys(session, settings, now)
        region = people.record_region(session, settings.region, district.name if district else settings.region, now)
        if not people.staff_exists(session):
            password = secrets.token_urlsafe(9)
            hashed = auth.hash_password(password)
            people.record_staff(
                session, FIRST_OFFICER, password_hash=hashed, role="admin", regions=[region.id], now=now
            )
        lacking = ", ".join(machines.lacking(session, settings))
        told = f"{LACKS}: {lacking}" if lacking else None
        return FirstStart(f"{region.name} ({region.id})", FIRST_OFFICER, password, told)


def _bring_schema(engine: Engine, settings: Settings) -> None:
    if settings.owner_database_url is None:
        if not is_at_head(engine):
            logins.require_owner(engine)
            upgrade_to_head(engine)
        return
    owner = open_engine(settings.owner_database_url)
    try:
        upgrade_to_head(owner)
        logins.let_in(owner, settings.database_url)
    finally:
        owner.dispose()


def new_code(engine: Engine, settings: Settings) -> tuple[str, str]:
    """Makes an enrolment code for one phone of the first region.

    Returns:
      The code, and the address that stands in its QR.
    """
    with session_scope(engine) as session:
        code = auth.make_code(session, settings.region, datetime.now(UTC))
    return code, auth.enrolment_address(settings.public_url, code)
