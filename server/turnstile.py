"""Lets so many phones' requests work at once and so many wait; whoever comes beyond that is told at once to come later.

A server that takes in more than it can do answers everybody too late; phones that hear nothing come again and make it
worse. Counted are the short requests that write. A place is for a request that is here whole: over 2G it takes seconds to
arrive, and who sends a byte a second must not stand in anybody's way (server/patience.py).
"""

import io
import logging
import threading
import time
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Literal

import msgspec

from pestwatch.errors import Problem
from server import metrics

AT_WORK = 8
"""More at once would only wait for one another: Python runs one at a time, and one writer holds the server's number."""
WAITING = 80
ARRIVING = 160
"""Over 2G a sync arrives in three seconds: so 50 phones may come each second."""
THREADS = AT_WORK + WAITING + ARRIVING + 8
"""What the web process needs, so that somebody is left to say no. Each is made when it is first needed."""
PATIENCE_S = 10.0
RETRY_S = (5, 20)
"""Drawn by lot between these, or all who were sent away would be back in one second."""
LINK_PATIENCE_S = 30.0
"""A phone that sends nothing for so long gives its place to another."""
COUNTED = ("/api/v1/sync", "/api/v1/sms", "/api/v1/enrol")
MAX_BODY_BYTES = 512_000
log = logging.getLogger("pestwatch.turnstile")

Why = Literal["full", "waited", "broke_off"]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Turnstile:
    """Stands before the app.

    Args:
      app: what is behind it.
      at_work: how many counted requests the app may have at once.
      waiting: how many more may wait.
      patience_s: how long one waits before it is sent away.
    """

    def __init__(
        self, app: Wsgi, at_work: int = AT_WORK, waiting: int = WAITING, patience_s: float = PATIENCE_S
    ) -> None:
        self._app = app
        self._inside = threading.BoundedSemaphore(at_work + waiting)
        self._working = threading.BoundedSemaphore(at_work)
        self._patience_s = patience_s
        self._lots = Random()  # noqa: S311 - no secret

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Passes a request on when it is its turn."""
        path = environ.get("PATH_INFO", "")
        route = next((counted for counted in COUNTED if path.startswith(counted)), None)
        if route is None:
            return self._app(environ, start_response)
        if self._inside.acquire(blocking=False):  # told before it sends, whom there is no place for
            self._inside.release()
        else:
            return self._sent_away(start_response, route, "full")
        if not _read_body(environ):
            return self._sent_away(start_response, route, "broke_off")
        if not self._inside.acquire(blocking=False):
            return self._sent_away(start_response, route, "full")
        try:
            since = time.monotonic()
            has_turn = self._working.acquire(timeout=self._patience_s)
            metrics.WAITED.observe(time.monotonic() - since)
            if not has_turn:
                return self._sent_away(start_response, route, "waited")
            try:
                return self._whole_answer(environ, start_response)
            finally:
                self._working.release()
        finally:
            self._inside.release()

    def _whole_answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Made before the turn ends: how long a phone takes to read it is no work."""
        pieces = self._app(environ, start_response)
        try:
            return [b"".join(pieces)]
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def _sent_away(self, start_response: Callable[..., Any], route: str, why: Why) -> Iterable[bytes]:
        metrics.SENT_AWAY.labels(route, why).inc()
        log.warning("sent away", extra={"fields": {"route": route, "status": 503, "problem": "503.3", "why": why}})
        problem = Problem("503.3", seconds=self._lots.randint(*RETRY_S))
        said = {"number": problem.number, "message": problem.sentence, "params": dict(problem.params)}
        body = msgspec.json.encode({"problem": said | {"text": problem.sentence % problem.params}})
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        headers |= {"Retry-After": str(problem.params["seconds"]), "Cache-Control": "no-store"}
        start_response("503 Service Unavailable", list(headers.items()))
        return [body]


def _read_body(environ: dict[str, Any]) -> bool:
    """Takes the body off the line; False: not all of it came. One that is too large, or says no length, the app refuses."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or not 0 < int(length) <= MAX_BODY_BYTES:
        return True
    if (link := environ.get("gunicorn.socket")) is not None:
        link.settimeout(LINK_PATIENCE_S)
    try:
        body = environ["wsgi.input"].read(int(length))
    except (TimeoutError, ConnectionError):
        return False
    environ["wsgi.input"] = io.BytesIO(body)
    return len(body) == int(length)
