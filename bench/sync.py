"""What storing observations costs. Claim: fifty of them are dear neither in bytes nor in time, and a morning loses none.

    python bench/sync.py [--quick | --morning [PHONES]]

Runs the real web process on SQLite and on PostgreSQL, both with every commit on disk, and plays phones that send the
reference observation of docs/sync.md (bench/wire/phones.py), signed, with the headers that Chromium sends. The floor is a bare INSERT
of the same rows, 50 in a transaction over one connection, measured right before and after: only the ratio says something.
Phones and server share the machine's processors: `processors_busy_with_it` says how many they had between them, so what is
missing to all of them went to others, or to waiting for the disk.
`--quick` measures little of everything, `--morning` plays 20,000 phones that come within five minutes.
"""

import argparse
import json
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from sqlalchemy import Engine, func, insert, select
from wire.link import Link
from wire.morning import morning
from wire.phones import NOW, Phone, accepted, counts
from wire.servers import cpu_s, postgres, web

from pestwatch.sync.clock import PhoneClock
from pestwatch.sync.protocol import canonical, read_fact
from server import auth
from server.db import people, read_models
from server.db.migrate import upgrade_to_head
from server.db.session import Table, open_engine, session_scope
from server.db.tables import Device, Fact, Observation

REGION = "IN-MH-500"
BATCH = 50
CLIENTS = 8
PHONES, WITHIN_S = 20_000, 300.0
"""A morning."""


class Wire:
    """A connection that is kept open, and the bytes that went over it."""

    def __init__(self, port: int) -> None:
        self.link = socket.create_connection(("127.0.0.1", port))
        self.up_bytes = self.down_bytes = 0

    def ask(self, request: bytes) -> bytes:
        """Sends a request and gives the whole answer."""
        self.link.sendall(request)
        self.up_bytes += len(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head = answer.partition(b"\r\n\r\n")[0].lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(answer) < len(head) + 4 + length:
            answer += self._more()
        self.down_bytes += len(answer)
        return answer

    def _more(self) -> bytes:
        piece = self.link.recv(65536)
        if not piece:
            raise ConnectionError("the server hung up")
        return piece


def enrolled(engine: Engine, count: int, seed: str) -> list[Phone]:
    """Phones with a token and a key, straight into the database."""
    phones = []
    random = Random(seed)
    with session_scope(engine) as session:
        for _ in range(count):
            key = derive_private_key(random.randrange(1, 2**255), SECP256R1())
            phone = Phone(random.randbytes(32).hex()[:43], key)
            consent = {"version": 1, "at": "2026-11-25T06:00:00Z", "locale": "mr"}
            told = {"region_id": REGION, "locale": "mr", "consent": consent, "enrolled_at": NOW}
            session.add(Device(token_hash=auth.hash_secret(phone.token), public_key=phone.public_key, **told))
            phones.append(phone)
    return phones


@contextmanager
def database(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    upgrade_to_head(engine)
    with session_scope(engine) as session:
        people.record_region(session, REGION, "Pune", NOW)
    yield engine
    engine.dispose()


def rows_of_a_phone(engine: Engine, batches: int) -> list[list[dict[str, Any]]]:
    """The very rows of `observations` that a phone's batches become."""
    with session_scope(engine, read_only=True) as session:
        device = session.scalars(select(func.max(Device.id))).one()
    clock, random = PhoneClock.read(NOW, NOW), Random("floor")
    found = []
    for batch in range(batches):
        facts = [
            read_fact(canonical(f)).typed for f in counts(random, 10**9 + batch * BATCH + os.getpid() * 10**5, BATCH)
        ]
        found.append([{"device_id": device} | read_models.observation_row(fact, clock) for fact in facts])
    return found


def floor(engine: Engine, batches: list[list[dict[str, Any]]]) -> float:
    """Rows a second of a bare INSERT, 50 in a transaction, over one connection."""
    table = Table.metadata.tables[Observation.__tablename__]
    if engine.dialect.name == "sqlite":
        start = time.perf_counter()
        for rows in batches:
            with engine.begin() as connection:
                connection.execute(insert(table), rows)
        return len(batches) * BATCH / (time.perf_counter() - start)
    names = list(batches[0][0])
    types = [table.c[name].type.dialect_impl(engine.dialect) for name in names]
    kinds = ", ".join(f"%s::{kind.compile(dialect=engine.dialect)}[]" for kind in types)
    statement = f"INSERT INTO observations ({', '.join(names)}) SELECT * FROM unnest({kinds})"
    turns = [kind.bind_processor(engine.dialect) or (lambda value: value) for kind in types]
    columns = [[[turn(row[name]) for row in rows] for name, turn in zip(names, turns, strict=True)] for rows in batches]
    with engine.connect() as connection:
        start = time.perf_counter()
        for values in columns:
            connection.exec_driver_sql(statement, tuple(values))
            connection.commit()
        return len(batches) * BATCH / (time.perf_counter() - start)


def pushing(port: int, requests: list[bytes], ms: list[float]) -> None:
    wire = Wire(port)
    for request in requests:
        start = time.perf_counter()
        answer = wire.ask(request)
        ms.append((time.perf_counter() - start) * 1000)
        if not accepted(answer):
            raise RuntimeError(answer)


def speed(database_url: str, folder: Path, batches: int, *others: int) -> dict[str, Any]:
    """How fast 8 phones store batches of 50, beside the floor, and what that costs the server."""
    with database(database_url) as engine:
        phones = enrolled(engine, CLIENTS + 1, "speed")
        rows = rows_of_a_phone(engine, batches)
        bare = [floor(engine, rows[: batches // 2])]
        made = []
        for phone in phones[:CLIENTS]:
            random = Random(phone.token)
            made.append([phone.request(counts(random, batch * BATCH + 1, BATCH)) for batch in range(batches)])
        ms: list[float] = []
        with web(database_url, folder) as (port, first):
            pushing(port, [phones[-1].request(counts(Random(1), n * BATCH + 1, BATCH)) for n in range(20)], [])
            threads = [threading.Thread(target=pushing, args=(port, requests, ms)) for requests in made]
            web_before, all_before = cpu_s(first), cpu_s(first, *others)
            phones_before, start = time.process_time(), time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            wall_s = time.perf_counter() - start
            phones_s = time.process_time() - phones_before
            web_s, all_s = cpu_s(first) - web_before, cpu_s(first, *others) - all_before
        bare.append(floor(engine, rows[batches // 2 :]))
        stored = CLIENTS * batches * BATCH
        with session_scope(engine, read_only=True) as session:
            held = session.scalars(select(func.count()).select_from(Fact)).one()
        if held != stored + 20 * BATCH or len(ms) != CLIENTS * batches:
            raise RuntimeError(f"{held} facts of {stored}")
    return {
        "observations_per_s": round(stored / wall_s),
        "floor_rows_per_s": round(statistics.mean(bare)),
        "ratio_to_floor": round(stored / wall_s / statistics.mean(bare), 3),
        "server_cpu_s_per_1000": round(all_s / stored * 1000, 3),
        "of_which_web": round(web_s / stored * 1000, 3),
        "phones_cpu_s_per_1000": round(phones_s / stored * 1000, 3),
        "processors_busy_with_it": round((all_s + phones_s) / wall_s, 2),
        "batch_ms_median": round(statistics.median(ms), 1),
        "batch_ms_p99": round(statistics.quantiles(ms, n=100)[98], 1),
    }


def sizes(port: int, phone: Phone) -> dict[str, Any]:
    """Bytes on the wire of 50 observations in one request: headers, signature, token and answer included."""
    found: dict[str, Any] = {}
    for place, name in enumerate(("cbor", "json")):
        wire = Wire(port)
        request = phone.request(counts(Random(7), place * BATCH + 1, BATCH), f"application/{name}")
        answer = wire.ask(request)
        if not accepted(answer):
            raise RuntimeError(answer)
        found[f"{name}_bytes_per_observation"] = round((wire.up_bytes + wire.down_bytes) / BATCH, 1)
        found[f"{name}_parts"] = {
            "up_headers": request.index(b"\r\n\r\n") + 4,
            "up_body": len(request) - request.index(b"\r\n\r\n") - 4,
            "down_headers": answer.index(b"\r\n\r\n") + 4,
            "down_body": len(answer) - answer.index(b"\r\n\r\n") - 4,
        }
    return found


def over_2g(port: int, phone: Phone) -> dict[str, Any]:
    """Seconds and requests of 50 observations over a slow link, from the first byte of the connection to the last of the answer."""
    link = Link(port)
    start = time.perf_counter()
    answer = Wire(link.port).ask(phone.request(counts(Random(9), 1, BATCH)))
    took_s = time.perf_counter() - start
    link.close()
    if not accepted(answer):
        raise RuntimeError(answer)
    return {
        "seconds": round(took_s, 2),
        "requests": link.requests,
        "tls": "not counted; TLS 1.3 adds a round trip and 2.2 kB",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the batches, 400 phones in 6 s")
    told = "only the morning: 20,000 phones within five minutes, or so many at the same rate"
    parser.add_argument("--morning", type=int, nargs="?", const=PHONES, metavar="PHONES", help=told)
    asked = parser.parse_args()
    batches = 20 if asked.quick else 150
    found: dict[str, Any] = {"processors": os.cpu_count(), "load_before": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if not asked.morning:
            found["sqlite"] = speed(f"sqlite:///{folder / 'bench.db'}", folder, batches)
        with postgres(folder) as (url, first):
            if not asked.morning:
                found["postgresql"] = speed(url, folder, batches, first)
            with database(url) as engine, web(url, folder) as (port, _):
                sizing, slow = enrolled(engine, 2, "sizes")
                found["wire"] = sizes(port, sizing)
                found["2g"] = over_2g(port, slow)
            count = asked.morning or 400
            with database(url) as engine, web(url, folder) as (port, pid):
                coming = enrolled(engine, count, "morning")
                found["morning"] = morning(engine, coming, WITHIN_S * count / PHONES, port, (pid, first))
    for name, row in found.items():
        if isinstance(row, dict):
            print(name, *(f"{key}={value}" for key, value in row.items()))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
