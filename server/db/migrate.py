"""Brings a database to the schema that this code expects; two processes may do it at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

MIGRATIONS = Path(__file__).with_name("migrations")
ADVISORY_LOCK = 20261125
"""Any number, the same for every process: PostgreSQL lets one of them migrate at a time."""


def upgrade_to_head(engine: Engine) -> None:
    """Runs every migration that is missing, in one transaction."""
    with engine.connect() as connection, _tables_may_move(connection), connection.begin():
        # SQLite: BEGIN IMMEDIATE, so a second process waits here
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
        command.upgrade(alembic_config(connection), "head")
        if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            msg = "a migration left rows that point to nothing"
            raise RuntimeError(msg)


@contextmanager
def _tables_may_move(connection: Connection) -> Iterator[None]:
    """SQLite changes a constraint by building the table anew, during which nothing may hold on to the old one.

    Source: sqlite.org/lang_altertable.html, section 7. The setting has no effect inside a transaction.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection.cursor()
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")
        raw.close()


def is_at_head(engine: Engine) -> bool:
    """Whether the database has the schema that this code expects."""
    with engine.execution_options(pestwatch_read_only=True).connect() as connection:
        try:
            stands_at = MigrationContext.configure(connection).get_current_revision()
        except ProgrammingError:  # a login that may not even read the ledger of migrations has not been let in yet
            return False
        return stands_at == ScriptDirectory.from_config(alembic_config(connection)).get_current_head()


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
