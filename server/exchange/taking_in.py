"""Takes a file of observations into the ledger: good rows once, each bad one with what to do about it.

Promises: importing a file again doubles nothing; a row that says something else than at its first import is kept beside
it and told; of a file that breaks off half-way, whole batches are in, and importing it again adds the rest; every import leaves
a row in `transfers`.
"""

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from pestwatch.sync.clock import PhoneClock
from pestwatch.sync.protocol import Fact, TrapBody, TrapFact
from server import auth
from server.db import people, store, transfers
from server.db.session import session_scope
from server.exchange.mapping import FieldMapping
from server.exchange.submissions import Row, batched, read_rows
from server.exchange.visits import Trouble, Visit, read_visit

BATCH = 200
"""Rows in one transaction."""
OLDEST = timedelta(days=50 * 365)
"""A source that states its own dates is believed further back than a phone whose clock may have stopped."""


@dataclass
class Intake:
    """What became of a file's rows; filled while the troubles are read.

    Args:
      rows: how many rows ended as `stored`, `duplicate`, `conflict`, `rejected`, `quarantined` or `skipped`.
    """

    rows: Counter[str] = field(default_factory=Counter)
    _described: dict[str, TrapBody] = field(default_factory=dict)

    def take(
        self,
        engine: Engine,
        file: BinaryIO,
        mapping: FieldMapping,
        region: str,
        *,
        name: str,
        staff: int | None,
        now: datetime,
    ) -> Iterator[Trouble]:
        """Stores the good rows and gives back what is wrong with the others, in the order of the file.

        Args:
          engine: the database.
          file: can be sought.
          mapping: which column says what, and the source's name.
          region: district that the rows are counted for.
          name: of the file, for Problems.
          staff: who does it; None on the command line.
          now: aware instant.

        Raises:
          Problem 404.1: the region is not known here.
          Problem 422.40: the file cannot be read; the batches before the damage are stored.
        """
        with session_scope(engine, read_only=True) as session:
            people.region_by_id(session, region)
        try:
            for batch in batched(read_rows(file, name), BATCH):
                yield from self._take_batch(engine, batch, mapping, region, now)
        finally:
            if self.rows:
                digest = transfers.fingerprint(file)
                with session_scope(engine) as session:
                    transfers.record_transfer(
                        session,
                        region,
                        "in",
                        staff=staff,
                        now=now,
                        name=mapping.source,
                        content_sha256=digest,
                        told=dict(self.rows),
                    )

    def _take_batch(
        self, engine: Engine, rows: Sequence[Row], mapping: FieldMapping, region: str, now: datetime
    ) -> Iterator[Trouble]:
        visits: list[Visit] = []
        troubles: list[Trouble] = []
        for row in rows:
            if mapping.is_skipped(row.cells):
                self.rows["skipped"] += 1
                continue
            read = read_visit(row, mapping, region, now)
            if isinstance(read, Visit):
                visits.append(read)
            else:
                self.rows["rejected"] += 1
                troubles += read
        with session_scope(engine) as session:
            troubles += self._store(session, visits, mapping.source, region, now)
        yield from sorted(troubles, key=lambda trouble: trouble.row.number)

    def _store(
        self, session: Session, visits: Sequence[Visit], source: str, region: str, now: datetime
    ) -> list[Trouble]:
        nobodys = auth.hash_secret(secrets.token_urlsafe(32))
        device = transfers.source_device(session, region, source, nobodys, now)
        clock = PhoneClock(timedelta(), now, OLDEST)
        store.record_facts(session, device, [visit.trap for visit in visits if self._is_news(visit.trap)], clock)
        receipts = store.record_facts(session, device, [visit.observation for visit in visits], clock)
        for receipt in receipts:
            self.rows[receipt.status] += 1
        return [
            Trouble(visit.row, Problem("409.1", row=visit.row.number))
            for visit, receipt in zip(visits, receipts, strict=True)
            if receipt.status == "conflict"
        ]

    def _is_news(self, fact: Fact) -> bool:
        """Whether a trap is described differently from its last row: one fact for each description is enough."""
        if not isinstance(fact.typed, TrapFact):
            return False
        body = fact.typed.body
        if self._described.get(body.trap) == body:
            return False
        self._described[body.trap] = body
        return True
