"""CSV as spreadsheets open it: no cell of somebody else's text runs as a formula there."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""Source: OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection"""


class Writer(Protocol):
    """What `open_table` gives."""

    def writerow(self, row: Iterable[Any], /) -> Any:
        """Writes one row."""


@contextmanager
def open_table(out: BinaryIO, columns: Sequence[str]) -> Iterator[Writer]:
    """A CSV writer on a binary file, which stays open; UTF-8, CRLF as RFC 4180 has it."""
    text = io.TextIOWrapper(out, "utf-8", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(columns)
        yield writer
        text.flush()
    finally:
        text.detach()


def harmless(cell: str) -> str:
    """Text that a spreadsheet shows and does not run."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
