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


def read_body(limit_bytes: int) -> bytes:
    """The request's body, unpacked if it came as gzip; never more than `limit_bytes` in memory.

    Raises:
      Problem 400.1: it calls itself gzip and is not.
      Problem 413.1: larger than the limit, packed or unpacked.
      Problem 415.1: packed in another way.
    """
    request.max_content_length = limit_bytes
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    body = request.get_data(cache=False)
    if encoding == "gzip":
        return _gunzip(body, limit_bytes)
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


def _gunzip(body: bytes, limit_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise Problem("400.1", detail="it is not gzip") from error
    if len(unpacked) > limit_bytes:
        raise Problem("413.1", size_bytes=len(unpacked), limit_bytes=limit_bytes)
    if not unpacker.eof:
        raise Problem("400.1", detail="the gzip ends too early")
    return unpacked
