"""How the interface reads a body, and how it words an answer or a Problem."""

import zlib
from typing import Any

import msgspec
from flask import Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from pestwatch import i18n
from pestwatch.errors import Problem
from pestwatch.sync.protocol import WordedProblem

PREFIX = "/api/v1"
_WINDOWS = {"gzip": 31, "deflate": 15}
"""Ways of packing, as zlib's `wbits`; HTTP calls the zlib format deflate."""


def read_body(limit_bytes: int) -> bytes:
    """The request's body, unpacked if it came packed; never more than `limit_bytes` in memory.

    Raises:
      Problem 400.1: it calls itself packed and is not.
      Problem 413.1: larger than the limit, packed or unpacked.
      Problem 415.1: packed in a way that is not known here.
    """
    return unpacked(read_packed(limit_bytes), limit_bytes)


def read_packed(limit_bytes: int) -> bytes:
    """The request's body as it travelled.

    Raises:
      Problem 413.1: larger than the limit.
    """
    request.max_content_length = limit_bytes
    return request.get_data(cache=False)


def unpacked(body: bytes, limit_bytes: int) -> bytes:
    """A body of this request as it was before it was packed with gzip or deflate.

    Raises:
      Problem 400.1, 413.1, 415.1: as `read_body`.
    """
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in _WINDOWS:
        return _inflated(body, _WINDOWS[encoding], limit_bytes)
    if encoding != "identity":
        raise Problem("415.1", encoding=encoding)
    return body


def answer(document: Any, status: int = 200) -> Response:
    """A JSON answer that no cache keeps."""
    body = msgspec.json.encode(document)
    return Response(body, status, {"Cache-Control": "no-store"}, content_type="application/json")


def worded(problem: Problem, locale: str) -> WordedProblem:
    """A Problem as people read it."""
    text = i18n.translate(locale, "field", problem.sentence, **problem.params)
    return WordedProblem(problem.number, problem.sentence, dict(problem.params), str(text))


def answer_problem(problem: Problem) -> Response:
    """A Problem in the language that the request asks for: JSON for programs, a sentence for people."""
    g.problem = problem.number  # for the log
    said = worded(problem, i18n.negotiate(request.headers.get("Accept-Language")))
    if request.path.startswith("/api/"):
        response = answer({"problem": said}, problem.status)
    else:
        response = Response(
            said.text, problem.status, {"Cache-Control": "no-store"}, content_type="text/plain; charset=utf-8"
        )
    if "seconds" in problem.params:
        response.headers["Retry-After"] = str(problem.params["seconds"])
    return response


def known_locale(asked: str) -> tuple[str, list[Problem]]:
    """The locale to use, and what to say when the one asked for is not known."""
    if asked in i18n.LOCALES:
        return asked, []
    return i18n.negotiate(None), [Problem("422.7", locale=asked[:20])]


def as_problem(error: HTTPException) -> Problem:
    """What Flask refuses by itself, in our words."""
    match error:
        case RequestEntityTooLarge():
            return Problem("413.1", size_bytes=request.content_length or "?", limit_bytes=request.max_content_length)
        case MethodNotAllowed():
            return Problem("405.1", method=request.method)
        case NotFound():
            return Problem("404.1", name=request.path[:80])
        case _:
            return Problem("400.1", detail=error.description or error.name)


def _inflated(body: bytes, wbits: int, limit_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(wbits)
    try:
        whole = unpacker.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise Problem("400.1", detail="it is not packed as it says") from error
    if len(whole) > limit_bytes:
        raise Problem("413.1", size_bytes=len(whole), limit_bytes=limit_bytes)
    if not unpacker.eof:
        raise Problem("400.1", detail="what is packed ends too early")
    return whole
