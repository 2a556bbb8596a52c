"""The rejects file: what is wrong, row by row, beside the cells that were read; corrected, it can be imported as it is."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import BinaryIO

from server.exchange.mapping import FieldMapping
from server.exchange.spreadsheet import open_table
from server.exchange.visits import Trouble

TOLD = ("row", "what_to_do")


def write_rejects(troubles: Iterable[Trouble], mapping: FieldMapping, out: BinaryIO) -> Iterator[Trouble]:
    """Writes troubles as they pass, those of a row together.

    Of the source's columns only those that the mapping reads are copied.
    """
    columns = mapping.read_columns()
    with open_table(out, [*TOLD, *columns]) as table:
        for number, group in groupby(troubles, lambda trouble: trouble.row.number):
            of_row = list(group)
            what_to_do = " ".join(trouble.problem.sentence % trouble.problem.params for trouble in of_row)
            cells = of_row[0].row.cells
            table.writerow([number, what_to_do, *(cells.get(column, "") for column in columns)])
            yield from of_row
