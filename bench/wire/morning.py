"""A morning: phones with full queues come online within minutes, each by a connection of its own."""

import asyncio
import os
import statistics
import time
from random import Random
from typing import Any

from sqlalchemy import Engine, func, select
from wire.phones import Phone, accepted, counts
from wire.servers import cpu_s, memory_bytes

from server.db.session import session_scope
from server.db.tables import Fact, Observation

LONGEST_QUEUE = 30
BROKEN_S = 5
"""After a connection that broke; the app itself waits half a minute."""


class Morning:
    """What the phones met."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.ms: list[float] = []
        self.turned_away = self.broken = 0
        self.last_at = 0.0

    async def come(self, request: bytes, after_s: float) -> None:
        """One phone: comes, sends, and comes again when it is told to, or was not told anything."""
        await asyncio.sleep(after_s)
        while True:
            start = time.perf_counter()
            try:
                answer = await self._exchange(request)
            except (OSError, asyncio.IncompleteReadError):
                self.broken += 1
                await asyncio.sleep(BROKEN_S)
                continue
            self.ms.append((time.perf_counter() - start) * 1000)
            self.last_at = time.perf_counter()
            if accepted(answer):
                return
            if not answer.startswith(b"HTTP/1.1 503"):
                raise RuntimeError(answer)
            self.turned_away += 1
            await asyncio.sleep(int(answer.lower().partition(b"retry-after:")[2].split(b"\r\n")[0]))

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            return head + await reader.readexactly(length)
        finally:
            writer.close()


def morning(
    engine: Engine, phones: list[Phone], within_s: float, port: int, servers: tuple[int, int]
) -> dict[str, Any]:
    """Lets every phone come once within so many seconds, and looks whether all that they brought is there.

    Args:
      engine: of the database.
      phones: enrolled; their queues are drawn here.
      within_s: seconds.
      port: of the web process.
      servers: first process of web and of the database.
    """
    random = Random("morning")
    queues = [random.randint(1, LONGEST_QUEUE) for _ in phones]
    requests = [phone.request(counts(random, 1, queue)) for phone, queue in zip(phones, queues, strict=True)]
    with session_scope(engine, read_only=True) as session:
        before = [session.scalars(select(func.count()).select_from(table)).one() for table in (Fact, Observation)]
    met = Morning(port)
    memory = []

    async def whole() -> None:
        coming = [met.come(request, random.uniform(0, within_s)) for request in requests]
        watching = asyncio.create_task(watch())
        await asyncio.gather(*coming)
        watching.cancel()

    async def watch() -> None:
        while True:
            memory.append(memory_bytes(servers[0]))
            await asyncio.sleep(within_s / 20)

    used_s, start = cpu_s(*servers), time.perf_counter()
    asyncio.run(whole())
    used_s = cpu_s(*servers) - used_s
    with session_scope(engine, read_only=True) as session:
        after = [session.scalars(select(func.count()).select_from(table)).one() for table in (Fact, Observation)]
    third = len(memory) // 3
    return {
        "phones": len(phones),
        "within_s": within_s,
        "observations": sum(queues),
        "lost": [before_ + sum(queues) - after_ for before_, after_ in zip(before, after, strict=True)],
        "done_after_s": round(met.last_at - start, 1),
        "turned_away_percent": round(100 * met.turned_away / len(met.ms), 2),
        "broken_connections": met.broken,
        "p50_ms": round(statistics.median(met.ms)),
        "p99_ms": round(statistics.quantiles(met.ms, n=100)[98]),
        "server_cpu_ms_per_phone": round(used_s * 1000 / len(phones), 1),
        "load_after": round(os.getloadavg()[0], 2),
        "memory_mb_early": round(statistics.mean(memory[third : 2 * third]) / 1e6, 1),
        "memory_mb_late": round(statistics.mean(memory[-third:]) / 1e6, 1),
    }
