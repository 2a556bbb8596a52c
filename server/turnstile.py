"""Lets so many phones' requests work at once and so many wait; whoever comes beyond that is told at once to come later.

A server that takes in more than it can do answers everybody too late; phones that hear nothing come again and make it
worse. Counted are the short requests that write. A body is read before its turn, since over 2G it takes a second to arrive.
"""

import io
import threading
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import msgspec

from pestwatch.errors import Problem

AT_WORK = 8
"""More at once would only wait for one another: Python runs one at a time, and one writer holds the server's number."""
WAITING = 80
THREADS = AT_WORK + WAITING + 8
"""What the web process needs, so that somebody is left to say no."""
PATIENCE_S = 10.0
RETRY_S = (5, 20)
"""Drawn by lot between these, or all who were sent away would be back in one second."""
LINK_PATIENCE_S = 30.0
"""A phone that sends nothing for so long gives its place to another."""
COUNTED = ("/api/v1/sync", "/api/v1/sms", "/api/v1/enrol")
MAX_BODY_BYTES = 512_000

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
        if not environ.get("PATH_INFO", "").startswith(COUNTED):
            return self._app(environ, start_response)
        if not self._inside.acquire(blocking=False):
            return self._sent_away(start_response)
        try:
            _read_body(environ)
            if not self._working.acquire(timeout=self._patience_s):
                return self._sent_away(start_response)
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

    def _sent_away(self, start_response: Callable[..., Any]) -> Iterable[bytes]:
        problem = Problem("503.3", seconds=self._lots.randint(*RETRY_S))
        said = {"number": problem.number, "message": problem.sentence, "params": dict(problem.params)}
        body = msgspec.json.encode({"problem": said | {"text": problem.sentence % problem.params}})
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        headers |= {"Retry-After": str(problem.params["seconds"]), "Cache-Control": "no-store"}
        start_response("503 Service Unavailable", list(headers.items()))
        return [body]


def _read_body(environ: dict[str, Any]) -> None:
    """Takes the body off the line; one that is too large, or says no length, is left for the app to refuse."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and 0 < int(length) <= MAX_BODY_BYTES:
        if (link := environ.get("gunicorn.socket")) is not None:
            link.settimeout(LINK_PATIENCE_S)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length)))
