"""What broke: whether it is the machine's state, which passes, or ours, and what of it may be written down."""

import errno
import logging
import sqlite3
import traceback
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pestwatch.errors import Problem

AGAIN_S = 30
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
log = logging.getLogger(__name__)


def problem_of(error: Exception) -> Problem:
    """The Problem to answer with for what nobody foresaw; written to the log.

    A database or disk that is away, full or too busy is no fault of ours: 503.4, and phones come again.
    """
    if passes(error):
        log.warning("nothing can be stored", exc_info=error)
        return Problem("503.4", seconds=AGAIN_S)
    log.error("a request broke", exc_info=error)
    return Problem("500.1")


def passes(error: Exception) -> bool:
    """Whether it is the database or the disk that is away, full or too busy, for now."""
    if isinstance(error, OSError):  # a link that died passes too, but nobody hears what is answered
        return error.errno in FULL or isinstance(error, TimeoutError | ConnectionError)
    # To SQLite a missing table is an OperationalError too, of the general kind.
    of_sqlite = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout) and of_sqlite != sqlite3.SQLITE_ERROR


def told_fault(error: BaseException) -> list[dict[str, Any]]:
    """A fault and what led to it: kind and place of each. Messages only of those that never carry a value."""
    told: list[dict[str, Any]] = []
    seen: BaseException | None = error
    while seen is not None and len(told) < 5:
        frames = traceback.extract_tb(seen.__traceback__)[-8:]
        fault: dict[str, Any] = {"kind": type(seen).__qualname__, "at": [f"{f.filename}:{f.lineno}" for f in frames]}
        if isinstance(seen, Problem | OSError):
            fault["said"] = str(seen)
        elif isinstance(seen, OperationalError):
            fault["said"] = str(seen.orig).partition("\n")[0]
        told.append(fault)
        seen = seen.__cause__ or seen.__context__
    return told
