"""Brings a database to the schema that this code expects; two processes may do it at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

MIGRATIONS = Path(__file__).with_name("migrations")
ADVISORY_LOCK = 20261125
"""Any number, the same for every process: PostgreSQL lets one of them migrate at a time."""


def upgrade_to_head(engine: Engine) -> None:
    """Runs every migration that is missing, in one transaction."""
    with engine.begin() as connection:  # SQLite: BEGIN IMMEDIATE, so a second process waits here
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
        command.upgrade(alembic_config(connection), "head")


def is_at_head(engine: Engine) -> bool:
    """Whether the database has the schema that this code expects."""
    with engine.execution_options(pestwatch_read_only=True).connect() as connection:
        stands_at = MigrationContext.configure(connection).get_current_revision()
        return stands_at == ScriptDirectory.from_config(alembic_config(connection)).get_current_head()


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
