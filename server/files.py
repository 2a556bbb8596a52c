"""One file or photo as an HTTP answer: ETag, Range, 304, and no handle left open.

Read whole into memory: what pestwatch serves is at most a few megabytes, and in production the TLS front serves most.
"""

import hashlib
from pathlib import Path

from flask import Response, request

from pestwatch.errors import Problem


def serve_file(path: Path, media_type: str, cache: str, etag: str | None = None) -> Response:
    """Answers with a file.

    Args:
      path: which; the caller vouches that a stranger may read it.
      media_type: for Content-Type.
      cache: for Cache-Control.
      etag: names the content, if the caller knows its hash; computed if None.

    Raises:
      Problem 404.1: there is no such file.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise Problem("404.1", name=path.name) from error
    return serve_content(content, media_type, cache, etag or hashlib.sha256(content).hexdigest()[:32])


def serve_content(content: bytes, media_type: str, cache: str, etag: str) -> Response:
    """Answers with bytes.

    Args:
      content: which; the caller vouches that a stranger may read it.
      media_type: for Content-Type.
      cache: for Cache-Control.
      etag: names the content.
    """
    response = Response(content, mimetype=media_type)
    response.set_etag(etag)
    response.headers["Cache-Control"] = cache
    response.make_conditional(request, accept_ranges=True, complete_length=len(content))
    return response
