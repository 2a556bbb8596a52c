"""The bucket of an installation in anything that speaks the S3 protocol: its client, and what that says, in our words."""

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from pestwatch.errors import Problem
from server.config import Settings

if TYPE_CHECKING:
    from obstore.store import S3Store

AGAIN_S = 30
log = logging.getLogger(__name__)


@functools.cache
def open_bucket(settings: Settings) -> "S3Store":
    """The client; one for each process, so that connections are kept."""
    from obstore.store import S3Store

    endpoint = settings.s3_endpoint
    return S3Store(
        settings.s3_bucket or "",
        access_key_id=settings.s3_key_id or "",
        secret_access_key=settings.s3_secret or "",
        region=settings.s3_region,
        client_options={
            "allow_http": (endpoint or "").startswith("http:"),
            "timeout": "30s",
            "connect_timeout": "5s",
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        endpoint=endpoint,
        virtual_hosted_style_request=endpoint is None,
    )


@contextmanager
def in_words() -> Iterator[None]:
    """Whatever the store's client says, as a Problem; the log has its words. Nothing there stays FileNotFoundError."""
    from obstore.exceptions import BaseError, NotFoundError

    try:
        yield
    except NotFoundError as error:
        raise FileNotFoundError from error
    except BaseError as error:
        log.warning("the photo store: %s", str(error).partition("\n")[0])
        raise Problem("503.4", seconds=AGAIN_S) from error


def put(bucket: "S3Store", name: str, content: bytes) -> None:
    """Stores an object; the store says so before this returns.

    Raises:
      Problem 503.4: the store cannot be reached, refuses us, or has no such bucket.
    """
    try:
        with in_words():
            bucket.put(name, content, use_multipart=False)
    except FileNotFoundError as error:
        log.warning("the photo store has no bucket of the name in the settings")
        raise Problem("503.4", seconds=AGAIN_S) from error
