"""A whole installation as one file, and back: rows, photos, keys, releases, secrets.

Promises: the rows are those of one moment, and every photo that they name is there, because a photo is stored before its
row; web may go on answering meanwhile. What a backup of SQLite holds goes into PostgreSQL as well, and the other way round.
A restored server begins an era, by which phones learn to send again what the backup came too early for. Refuses to put
anything in the place of an installation that phones speak to. Whoever has the file can be this installation: keep it like a
key. Source: ADR 0020, 0022.
"""

import base64
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from alembic import command
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Column, Connection, Engine, MetaData, func, insert, inspect, select, text

from pestwatch import __version__
from pestwatch.errors import Problem
from server.config import Settings
from server.db.eras import begin_era
from server.db.migrate import alembic_config, upgrade_to_head
from server.db.photo_files import open_photo_files

MANIFEST = "backup.json"
LEDGER = "alembic_version"
BATCH_ROWS = 5_000


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself; it is written last, so a file without it was cut short."""

    v: int
    made_at: datetime
    app: str
    revision: str
    rows: dict[str, int]
    photos: int
    missing_photos: int


def back_up(engine: Engine, settings: Settings, path: Path, now: datetime) -> Manifest:
    """Writes a backup; the file appears whole or not at all, and nobody else may read it.

    Args:
      engine: the database; other processes may be writing.
      settings: of the installation.
      path: file to write.
      now: aware instant.
    """
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".backup")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, _one_moment(engine) as connection:
                manifest = _write(archive, connection, settings, now)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
    return manifest


def restore(engine: Engine, settings: Settings, path: Path, now: datetime) -> Manifest:
    """Makes this installation the one of a backup: photos and files first, then all rows in one transaction.

    Args:
      engine: a database that is empty, or freshly prepared.
      settings: of this installation.
      path: the backup.
      now: aware instant.

    Raises:
      Problem 409.3: phones are enrolled here.
      Problem 422.60: the file is damaged, cut short, or made by a newer version.
    """
    _check_nobody_is_here(engine)
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise Problem("422.60", name=path.name, detail="it is damaged")
            manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
            _bring_files(archive, settings)
            _bring_rows(archive, engine, manifest, now)
    except (zipfile.BadZipFile, zlib.error, KeyError, msgspec.MsgspecError) as error:
        raise Problem("422.60", name=path.name, detail="it is no whole backup") from error
    except CommandError as error:
        raise Problem("422.60", name=path.name, detail="a newer version made it") from error
    upgrade_to_head(engine)
    return manifest


@contextmanager
def _one_moment(engine: Engine) -> Iterator[Connection]:
    """A view of the database that does not change, and holds up no writer."""
    if engine.dialect.name == "sqlite":
        with engine.execution_options(pestwatch_read_only=True).connect() as connection:
            yield connection
    else:
        with engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
            # A policy that would hide rows from us is an error, not a smaller backup.
            connection.execute(text("SET TRANSACTION READ ONLY"))
            connection.execute(text("SET LOCAL row_security = off"))
            yield connection


def _write(archive: zipfile.ZipFile, connection: Connection, settings: Settings, now: datetime) -> Manifest:
    revision = MigrationContext.configure(connection).get_current_revision()
    rows: dict[str, int] = {}
    for table in _tables(connection).sorted_tables:
        if table.name == LEDGER:
            continue
        with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as out:
            out.write(msgspec.json.encode([str(column.name) for column in table.columns]) + b"\n")
            rows[str(table.name)] = 0
            found = connection.execution_options(yield_per=BATCH_ROWS).execute(select(table))
            for row in found:
                out.write(msgspec.json.encode([_utc(value) for value in row]) + b"\n")
                rows[str(table.name)] += 1
    for place in _own_files(settings):
        archive.write(place, f"data/{place.relative_to(settings.data)}")
    photos, missing, files = 0, 0, open_photo_files(settings)
    for (sha256,) in connection.execute(text("SELECT sha256 FROM photos")).all():
        try:
            content = files.read(sha256)
        except Problem as problem:
            if problem.status != 404:
                raise
            missing += 1
            continue
        archive.writestr(zipfile.ZipInfo(f"photos/{sha256}"), content)  # stored: it does not shrink any more
        photos += 1
    manifest = Manifest(1, now, __version__, revision or "", rows, photos, missing)
    archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def _own_files(settings: Settings) -> Iterator[Path]:
    """Keys, releases and generated secrets: what is made once and cannot be made again."""
    for folder in (settings.keys_dir, settings.releases_dir):
        yield from sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    yield from (path for path in settings.secret_files if path.exists())


def _check_nobody_is_here(engine: Engine) -> None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("devices"):
            return
        phones = connection.execute(text("SELECT count(*) FROM devices")).scalar_one()
        if phones:
            raise Problem("409.3", phones=phones)


def _bring_files(archive: zipfile.ZipFile, settings: Settings) -> None:
    files = open_photo_files(settings)
    for name in archive.namelist():
        kind, _, rest = name.partition("/")
        if kind == "photos":
            files.keep(PurePosixPath(rest).name, archive.read(name))
        elif kind == "data":
            place = (settings.data / rest).resolve()
            if not place.is_relative_to(settings.data.resolve()):
                raise KeyError(name)
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with archive.open(name) as source, _private(place) as target:
                shutil.copyfileobj(source, target)


@contextmanager
def _private(place: Path) -> Iterator[Any]:
    """A file that only this user may read, there when it is whole."""
    with tempfile.NamedTemporaryFile("wb", dir=place.parent, delete=False) as draft:
        yield draft
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(place)


def _bring_rows(archive: zipfile.ZipFile, engine: Engine, manifest: Manifest, now: datetime) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            _tables(connection).drop_all(connection)
        elif inspect(connection).has_table(LEDGER):
            command.downgrade(alembic_config(connection), "base")  # which takes functions and policies away as well
        command.upgrade(alembic_config(connection), manifest.revision)
        tables = _tables(connection)
        for table in reversed(tables.sorted_tables):
            if table.name != LEDGER:
                connection.execute(table.delete())  # what a migration put in is in the backup as well
        for table in tables.sorted_tables:
            if table.name not in manifest.rows:
                continue
            with archive.open(f"tables/{table.name}.jsonl") as lines:
                columns = [table.columns[name] for name in json.loads(next(lines))]
                for batch in _batches(_rows(lines, columns, connection)):
                    connection.execute(insert(table), batch)
            _count_on(connection, table.name, list(table.primary_key.columns))
        begin_era(connection, now)


def _tables(connection: Connection) -> MetaData:
    """The tables as they are, not as this version would have them: a backup may be older than the code."""
    found = MetaData()
    found.reflect(connection)
    return found


def _utc(value: Any) -> Any:
    """SQLite's instants come without their zone, which is UTC."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _rows(lines: Iterable[bytes], columns: list[Column[Any]], connection: Connection) -> Iterator[dict[str, Any]]:
    is_sqlite = connection.dialect.name == "sqlite"
    readers: dict[type, Callable[[Any], Any]] = {
        datetime: lambda said: (
            msgspec.convert(said, datetime).astimezone(UTC).replace(tzinfo=None if is_sqlite else UTC)
        ),
        date: date.fromisoformat,
        bytes: base64.b64decode,
    }
    read = [readers.get(column.type.python_type, lambda said: said) for column in columns]
    for line in lines:
        values = msgspec.json.decode(line)
        yield {
            column.name: None if said is None else reader(said)
            for column, reader, said in zip(columns, read, values, strict=True)
        }


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def _count_on(connection: Connection, table: str, key: list[Column[Any]]) -> None:
    """PostgreSQL counts a table's numbers beside it: let it go on behind the last one."""
    if connection.dialect.name != "postgresql" or len(key) != 1 or key[0].type.python_type is not int:
        return
    named = {"table": f'"{table}"', "column": key[0].name}
    sequence = connection.execute(text("SELECT pg_get_serial_sequence(:table, :column)"), named).scalar()
    last = connection.execute(select(func.max(key[0]))).scalar()
    if sequence and last:
        connection.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last})
