"""Reads what other systems give out: CSV of Central, Kobo or a spreadsheet, and JSON of Central's OData or Kobo's API.

A CSV file is read row by row. JSON comes in pages of the server's own size and is read whole, up to a limit.
"""

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec

from pestwatch.errors import Problem
from server.exchange.mapping import normal

MAX_JSON_BYTES = 50_000_000


@dataclass(frozen=True)
class Row:
    """One submission.

    Args:
      number: as a spreadsheet shows it, so a CSV's first row below the header is 2; in JSON the place in the list.
      cells: normalised column -> text.
    """

    number: int
    cells: dict[str, str]


def read_rows(file: BinaryIO, name: str) -> Iterator[Row]:
    """The rows of a file, whatever of the known kinds it is; the content decides, not the name.

    Args:
      file: can be sought.
      name: for Problems.

    Raises:
      Problem 413.1: JSON that is too large to be read whole.
      Problem 422.40: it is neither CSV nor JSON, or damaged.
    """
    first = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    file.seek(0)
    try:
        yield from _json_rows(file) if first in {b"{", b"["} else _csv_rows(file)
    except (csv.Error, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise Problem("422.40", name=name, detail=str(error)) from error


def _csv_rows(file: BinaryIO) -> Iterator[Row]:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        header = text.readline()
        delimiter = max(",;\t", key=header.count)  # Kobo's CSV has semicolons unless told otherwise
        columns = [normal(column) for column in next(csv.reader([header], delimiter=delimiter), [])]
        if len(set(columns)) < len(columns):
            raise ValueError("two columns have the same name")
        for number, cells in enumerate(csv.reader(text, delimiter=delimiter, strict=True), 2):
            if any(cells):
                yield Row(number, dict(zip(columns, cells, strict=False)))
    finally:
        text.detach()


def _json_rows(file: BinaryIO) -> Iterator[Row]:
    content = file.read(MAX_JSON_BYTES + 1).removeprefix(b"\xef\xbb\xbf")
    if len(content) > MAX_JSON_BYTES:
        raise Problem("413.1", size_bytes=len(content), limit_bytes=MAX_JSON_BYTES)
    document = msgspec.json.decode(content)
    if isinstance(document, dict):
        document = document.get("value", document.get("results"))  # OData's word for it, and Kobo's
    if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
        raise ValueError("it holds no list of submissions")
    for number, submission in enumerate(document, 1):
        yield Row(number, dict(_flat(submission)))


def _flat(document: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Groups become paths as in Kobo's names; repeats and geometries, which are lists, are nothing that we read."""
    for key, value in document.items():
        name = normal(f"{path}{key}")
        if isinstance(value, dict):
            yield from _flat(value, f"{name}/")
        elif isinstance(value, bool):
            yield name, str(value).lower()
        elif isinstance(value, str | int | float):
            yield name, str(value)


def batched(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """Rows in lists of at most `size`."""
    while batch := list(itertools.islice(rows, size)):
        yield batch
