"""Engine, transaction and column types that SQLite and PostgreSQL share.

Promises: a committed transaction is on disk (SQLite runs with synchronous=FULL); instants come back aware and in UTC;
a writing transaction on SQLite takes its lock at the start, so it waits for others instead of failing half-way.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from flask import current_app, g, has_request_context
from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

from server.db.scope import NOBODY, Scope, enter

_writers: WeakKeyDictionary[Dialect, threading.Lock] = WeakKeyDictionary()
"""SQLite's one writer at a time, within a process: its own way of waiting is to look again later, for seconds if unlucky.
By dialect, which an engine shares with those that are made of it by other options."""
LOCK_WAIT_S = 15
"""How long a SQLite writer waits for another one; a guess, well above the longest transaction seen in tests."""
FRESH_S = 1.0
"""A connection that worked this lately is taken to live; a guess."""

CONNECTIONS = 12
"""Kept open to PostgreSQL: as many as requests work at once (server/turnstile.py), and some for the office. One more is
opened when it is needed and closed after its work, which costs more than the work."""
CONNECT_S = 5
"""A database that does not answer for longer is away; whoever asked is told to come again."""


class UtcInstant(TypeDecorator[datetime]):
    """An aware instant in UTC; refuses naive ones, because a naive time on a server is a bug that shows months later."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware instant -> what the engine stores."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = f"{value!r} has no time zone"
            raise ValueError(msg)
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """What the engine stored -> aware instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonDocument(TypeDecorator[Any]):
    """JSON kept as canonical text.

    Text rather than JSONB: both engines behave alike, and no string that a phone can send (such as one with U+0000)
    makes PostgreSQL refuse the row.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Anything that JSON can say -> canonical text."""
        return None if value is None else msgspec.json.encode(value, order="sorted").decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Canonical text -> what it says."""
        return None if value is None else msgspec.json.decode(value)


RowNumber = BigInteger().with_variant(Integer, "sqlite")
"""A big primary key that SQLite, too, counts up by itself."""


class Table(DeclarativeBase):
    """Parent of every row class; constraint names follow one rule, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def open_engine(database_url: str) -> Engine:
    """Connects to either database with the durability and the time zone that pestwatch relies on."""
    if make_url(database_url).get_backend_name() != "sqlite":
        connect = {"options": "-c timezone=utc", "connect_timeout": CONNECT_S}
        engine = create_engine(database_url, hide_parameters=True, connect_args=connect, pool_size=CONNECTIONS)
        event.listen(engine, "begin", _begin_postgresql)
        event.listen(engine, "checkout", _check_rested)
        event.listen(engine, "checkin", _note_rest)
        return engine
    connect = {"timeout": LOCK_WAIT_S, "check_same_thread": False}
    engine = create_engine(database_url, hide_parameters=True, connect_args=connect)
    _writers[engine.dialect] = threading.Lock()
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def _turn_to_write(engine: Engine) -> Iterator[None]:
    lock = _writers.get(engine.dialect)
    is_ours = lock is not None and lock.acquire(timeout=LOCK_WAIT_S)  # later SQLite itself says who is in the way
    try:
        yield
    finally:
        if lock is not None and is_ours:
            lock.release()


@contextmanager
def session_scope(engine: Engine, *, read_only: bool = False) -> Iterator[Session]:
    """One transaction: commits at the end, rolls back on any exception.

    Args:
      engine: from `open_engine`.
      read_only: does not take SQLite's write lock; such a session must not write.
    """
    bind = engine.execution_options(pestwatch_read_only=True) if read_only else engine
    with (
        nullcontext() if read_only else _turn_to_write(engine),
        Session(bind, expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


def insert_once(session: Session, table: type[Table], **values: Any) -> bool:
    """Inserts a row unless a unique constraint forbids it; True: it was inserted. The database decides, not a look before."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(table).values(values).on_conflict_do_nothing()
    return session.execute(insert.returning(*table.__mapper__.primary_key)).first() is not None


def request_scope(*, read_only: bool = False) -> AbstractContextManager[Session]:
    """`session_scope` on the database of the app, held to what belongs to whoever sent this request."""
    return session_scope(request_engine(), read_only=read_only)


def request_engine() -> Engine:
    """The database as whoever sent this request may see it; on the command line, all of it."""
    engine: Engine = current_app.extensions["pestwatch.engine"]
    if not has_request_context():
        return engine
    return engine.execution_options(pestwatch_scope=g.get("scope", NOBODY))


def unscoped(*, read_only: bool = False) -> AbstractContextManager[Session]:
    """The whole database inside a request: only for doors at which nobody is known yet (enrolment, the SMS gateway)."""
    return session_scope(current_app.extensions["pestwatch.engine"], read_only=read_only)


def become(session: Session, scope: Scope) -> None:
    """Holds the rest of this transaction, and every later one of the request, to another scope."""
    g.scope = scope
    enter(session.connection(), scope)


def _note_rest(_connection: Any, record: ConnectionPoolEntry | None) -> None:
    if record is not None:
        record.info["rests_since"] = time.monotonic()


def _check_rested(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """Asks a connection that has rested whether it still lives; to ask one that just worked costs as much as its work."""
    if time.monotonic() - record.info.get("rests_since", 0.0) < FRESH_S:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except connection.Error as error:  # the database was restarted meanwhile: the pool opens another one
        raise DisconnectionError from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:  # two processes at first start: this one statement does not wait by itself
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_postgresql(connection: Connection) -> None:
    scope = connection.get_execution_options().get("pestwatch_scope")
    if scope is not None:
        enter(connection, scope)


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("pestwatch_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
