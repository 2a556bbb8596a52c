"""Several tables written in one pass over the observations, then packed; only the disk holds them."""

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from server.exchange.spreadsheet import Table, open_table


class Parts:
    """The files of an archive that is being written."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack

    def table(self, name: str, columns: Sequence[str]) -> Table:
        """A table of the archive."""
        file = self._stack.enter_context((self._folder / name).open("wb"))
        return self._stack.enter_context(open_table(file, columns))

    def add(self, name: str, content: bytes) -> None:
        """A whole file of the archive."""
        (self._folder / name).write_bytes(content)


@contextmanager
def open_archive(out: BinaryIO) -> Iterator[Parts]:
    """Gives the parts to be written; packs them into a zip on `out` at the end, unless something broke."""
    with tempfile.TemporaryDirectory(prefix="pestwatch-") as name:
        folder = Path(name)
        with ExitStack() as stack:
            yield Parts(folder, stack)
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)
