"""CSV as spreadsheets open it: no cell of somebody else's text runs as a formula there."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""Source: OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection"""


class Table:
    """Writes rows whose texts are harmless."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._writer = csv.writer(text)

    def writerow(self, cells: Iterable[Any]) -> None:
        """Writes one row."""
        self._writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])


@contextmanager
def open_table(out: BinaryIO, columns: Sequence[str]) -> Iterator[Table]:
    """A table on a binary file, which stays open; UTF-8, CRLF as RFC 4180 has it."""
    text = io.TextIOWrapper(out, "utf-8", newline="")
    try:
        table = Table(text)
        table.writerow(columns)
        yield table
        text.flush()
    finally:
        text.detach()


def harmless(cell: str) -> str:
    """Text that a spreadsheet shows and does not run."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
