"""Runs migrations on the connection that `server.db.migrate` hands over."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from server.db import access_tables, tables  # noqa: F401 - both describe the schema
from server.db.session import JsonDocument, UtcInstant


def render_plainly(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Writes our own column types as what they are in SQL: a migration must not change when our code does."""
    if kind == "type" and isinstance(item, UtcInstant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JsonDocument):
        return "sa.Text()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.Fact.metadata,
    render_item=render_plainly,
    render_as_batch=True,  # SQLite cannot alter columns in place
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
