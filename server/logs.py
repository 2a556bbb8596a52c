"""One line of JSON for each thing that happened, without anything about a person.

Promises: no token, code, password, telephone number, name, address or body is written, whatever breaks. A request's line has
its route (`/photos/<sha256>`), not its path; a fault's has where it broke and of which kind, not what its message says, for
databases and parsers put values into theirs.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import Flask, Response, g, request

from server.faults import told_fault

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
log = logging.getLogger("pestwatch.request")


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"at": at, "level": record.levelname.lower(), "of": record.name}
        line["said"] = record.getMessage()
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            line["fault"] = told_fault(record.exc_info[1])
        return msgspec.json.encode(line).decode()


def write_lines() -> None:
    """Lets this process write lines of JSON to its standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("alembic", "celery"):  # which tell of each message and each step
        logging.getLogger(name).setLevel(logging.WARNING)


def log_requests(app: Flask, watch: Callable[[str, str, int, float], None], *, is_written: bool) -> None:
    """Writes a line for each request of an app.

    Args:
      app: whose.
      watch: called with route, method, status and seconds of each.
      is_written: False: only watched.
    """

    @app.before_request
    def begin() -> None:
        g.begun = time.perf_counter()
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)

    @app.after_request
    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("begun", time.perf_counter())
        route = request.url_rule.rule if request.url_rule else "none"
        if response.status_code >= 400:  # each byte of an answer that is well costs a farmer
            response.headers["X-Request-Id"] = g.request_id
        watch(route, request.method, response.status_code, seconds)
        if not is_written:
            return response
        fields: Mapping[str, Any] = {
            "request": g.request_id,
            "method": request.method,
            "route": route,
            "status": response.status_code,
            "ms": round(seconds * 1000, 1),
            "bytes_in": request.content_length or 0,
            "bytes_out": response.content_length,
            "device": g.get("device"),
            "problem": g.get("problem"),
        }
        log.info("request", extra={"fields": {name: value for name, value in fields.items() if value is not None}})
        return response
