"""The rejects file: what is wrong, row by row, beside the cells that were read; corrected, it can be imported as it is."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from server.exchange.mapping import FieldMapping
from server.exchange.spreadsheet import open_table
from server.exchange.visits import Trouble

TOLD = ("row", "number", "what_to_do")


def write_rejects(troubles: Iterable[Trouble], mapping: FieldMapping, out: BinaryIO) -> Iterator[Trouble]:
    """Writes troubles as they pass. Of the source's columns only those that the mapping reads are copied."""
    columns = mapping.read_columns()
    with open_table(out, [*TOLD, *columns]) as table:
        for trouble in troubles:
            problem, cells = trouble.problem, trouble.row.cells
            copied = (cells.get(column, "") for column in columns)
            table.writerow([trouble.row.number, problem.number, problem.sentence % problem.params, *copied])
            yield trouble
