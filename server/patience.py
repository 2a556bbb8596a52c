"""Gunicorn's threads, for whoever has something to say: a request that only trickles in gives its thread to one that waits.

No socket's patience sees to this, for a byte a second is no silence; neither does a limit on a whole request, since over 2G
a part of a photo rightly takes half a minute. So nobody is cut off while threads are free.
"""

import socket
import time
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from gunicorn.workers.gthread import ThreadWorker

ARRIVAL_S = 20.0
"""How long a request may arrive while others wait for a thread; a sync takes three seconds over 2G."""


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """What `--worker-class` names."""

    def __init__(self, *told: Any, **named: Any) -> None:
        super().__init__(*told, **named)
        self._since: dict[Any, float] = {}
        self._cut: WeakSet[Any] = WeakSet()

    def handle(self, conn: Any) -> Any:
        """One request, in a thread of its own."""
        self._since[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._since[conn]

    def murder_pending(self) -> None:
        """Called at least once a second by the loop that takes connections in."""
        super().murder_pending()
        waiting = self.tpool._work_queue.qsize()  # noqa: SLF001 - gunicorn tells nobody how many wait
        if not waiting:
            return
        now = time.monotonic()
        slow = [conn for conn, since in list(self._since.items()) if now - since > ARRIVAL_S and conn not in self._cut]
        for conn in slow[:waiting]:  # the oldest first
            self._cut.add(conn)
            # Only what it says is cut off: one that is here whole, and at work, still gets its answer.
            with suppress(OSError):
                socket.socket.shutdown(conn.sock, socket.SHUT_RD)  # not TLS's own, which would lose the answer too
