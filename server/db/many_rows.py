"""Inserts many rows with one statement; which of them are new, the database says.

PostgreSQL unfolds one JSON text, SQLite runs one prepared statement for each row: the quickest way of either, as
docs/adr/0019 measured. Values are those that the columns' types take elsewhere too.
"""

import functools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Dialect, bindparam, select
from sqlalchemy.orm import Session

from server.db.session import Table, UtcInstant

Rows = Sequence[dict[str, Any]]
_Turn = Callable[[Any], Any]


def insert_rows(session: Session, table: type[Table], rows: Rows) -> None:
    """Inserts rows that all have the same columns, in the order of the first one's."""
    if rows:
        _insert(session, table, rows, "")


def insert_new_rows(session: Session, table: type[Table], rows: Rows, *, device: int) -> set[int]:
    """Inserts those of a phone's rows whose `seq` is not there yet, and tells which they were.

    Args:
      session: a writing transaction. On SQLite nobody else writes beside it, so looking first is safe there.
      table: with unique (device_id, seq).
      rows: all of one device, each `seq` once.
      device: which one.
    """
    if not rows:
        return set()
    if session.get_bind().dialect.name == "postgresql":
        return set(_insert(session, table, rows, " ON CONFLICT (device_id, seq) DO NOTHING RETURNING seq"))
    columns = table.__table__.c
    standing = select(columns.seq).where(
        columns.device_id == device, columns.seq.in_(bindparam("seqs", expanding=True))
    )
    known = set(session.scalars(standing, {"seqs": [row["seq"] for row in rows]}))
    fresh = [row for row in rows if row["seq"] not in known]
    insert_rows(session, table, fresh)
    return {row["seq"] for row in fresh}


def _insert(session: Session, table: type[Table], rows: Rows, ending: str) -> Sequence[int]:
    connection = session.connection()
    names = tuple(rows[0])
    statement, turns = _prepared(table, names, connection.dialect)
    columns = [[row[name] for row in rows] for name in names]
    for place, turn in turns:
        columns[place] = [turn(value) for value in columns[place]]
    turned = list(zip(*columns, strict=True))
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql(statement, turned)
        return ()
    unfolded = msgspec.json.encode([dict(zip(names, values, strict=True)) for values in turned]).decode()
    found = connection.exec_driver_sql(statement + ending, (unfolded,))
    return [seq for (seq,) in found] if ending else ()


@functools.lru_cache(maxsize=64)  # engines come and go
def _prepared(table: type[Table], names: tuple[str, ...], dialect: Dialect) -> tuple[str, list[tuple[int, _Turn]]]:
    """The statement for these columns, and by place what turns a value into the driver's, where that is another."""
    columns = [table.__table__.c[name] for name in names]
    turns = [(place, turn) for place, column in enumerate(columns) if (turn := _turn(column, dialect)) is not None]
    quote = dialect.identifier_preparer.quote
    quoted = [quote(name) for name in names]
    into = f"INSERT INTO {table.__tablename__} ({', '.join(quoted)})"
    if dialect.name != "postgresql":
        return f"{into} VALUES ({', '.join('?' for _ in names)})", turns
    types = [column.type.dialect_impl(dialect).compile(dialect=dialect) for column in columns]
    shape = ", ".join(f"{name} {type_}" for name, type_ in zip(quoted, types, strict=True))
    return f"{into} SELECT {', '.join(quoted)} FROM json_to_recordset(%s::json) AS row({shape})", turns  # noqa: S608 - our own names


def _turn(column: ColumnElement[Any], dialect: Dialect) -> _Turn | None:
    if isinstance(column.type, UtcInstant):  # the same text as its own processor's, at a fifth of the time
        return None if dialect.name == "postgresql" else _instant
    return column.type.dialect_impl(dialect).bind_processor(dialect)


def _instant(value: datetime | None) -> str | None:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds") if value else None
