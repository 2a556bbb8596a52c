"""A training to look at while it runs: in the terminal, and as a page of this machine's own browser.

Promises: the server listens on the loopback address only, answers two addresses, reads no file but its page and stops with
the training. Where the output is no terminal, plain lines are written instead of pictures.
"""

import json
import math
import shutil
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self, TextIO

from pestwatch.vision.curve import Curve

Entries = Sequence[tuple[int, float]]
# A braille letter holds 2 x 4 dots; these are their bits, column by column, from the top.
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
BRAILLE = 0x2800
ROWS = 7
MOST_COLUMNS = 100
LABEL_COLUMNS = 7


class Live:
    """Shows the curves of one command; use it as a context.

    Args:
      folder: where every curve is kept.
      stream: where to draw or write.
      page: also serve a page; its address is the first thing written.
    """

    def __init__(self, folder: Path, stream: TextIO, *, page: bool) -> None:
        self._folder = folder
        self._stream = stream
        self._is_drawn = page and stream.isatty()
        self._drawn_lines = 0
        self.curves: list[Curve] = []
        self.page = Page(self.curves) if page else None

    def __enter__(self) -> Self:
        if self.page:
            self._stream.write(f"curves at {self.page.address} until the training ends\n")
            self._stream.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.page:
            self.page.close()

    def begin(self, name: str, steps: int) -> None:
        """From here on, what is told belongs to this network."""
        self.curves.append(Curve(name, steps))
        self._drawn_lines = 0

    def loss(self, step: int, value: float) -> None:
        """The mean loss since the last call."""
        self.curves[-1].losses.append((step, value))
        self._show(f"step {step} of {self.curves[-1].steps}, loss {value:.3f}")

    def error(self, step: int, value: float) -> None:
        """The error on photos that the network does not learn from."""
        self.curves[-1].errors.append((step, value))
        self._show(f"step {step} of {self.curves[-1].steps}, error / count {value:.3f}")

    def _show(self, line: str) -> None:
        curve = self.curves[-1]
        curve.save(self._folder)
        if not self._is_drawn:
            self._stream.write(line + "\n")
        else:
            lines = drawn(curve, shutil.get_terminal_size().columns)
            back = f"\x1b[{self._drawn_lines}F\x1b[J" if self._drawn_lines else ""
            self._stream.write(back + "\n".join(lines) + "\n")
            self._drawn_lines = len(lines)
        self._stream.flush()


def drawn(curve: Curve, columns: int) -> list[str]:
    """A curve as lines of text, none longer than the terminal is wide."""
    width = min(MOST_COLUMNS, columns - 1)
    done = max((step for step, _ in (*curve.losses, *curve.errors)), default=0)
    lines = [f"{curve.name}: step {done} of {curve.steps}"]
    for title, entries in (("loss", curve.losses), ("error / count on photos held back", curve.errors)):
        if entries:
            values = [value for _, value in entries]
            lines.append(f"{title}: {values[-1]:.3f} now, {min(values):.3f} at best (logarithmic)")
            lines += chart(entries, curve.steps, width)
    return [line[:width] for line in lines]


def chart(entries: Entries, steps: int, columns: int) -> list[str]:
    """One line of dots over the whole training, on a logarithmic scale, with the greatest and least value beside it.

    Args:
      entries: (step, value), by step.
      steps: where the picture ends on the right.
      columns: of text, the labels included.
    """
    wide, high = 2 * (columns - LABEL_COLUMNS), 4 * ROWS
    heights = [math.log(max(value, 1e-4)) for _, value in entries]
    low, span = min(heights), (max(heights) - min(heights)) or 1.0
    cells = [[0] * (columns - LABEL_COLUMNS) for _ in range(ROWS)]

    def dot(x: int, y: int) -> None:
        cells[y // 4][x // 2] |= DOTS[x % 2][y % 4]

    places = [
        (round((wide - 1) * min(step, steps) / steps), round((high - 1) * (1 - (height - low) / span)))
        for (step, _), height in zip(entries, heights, strict=True)
    ]
    for (x1, y1), (x2, y2) in zip(places, places[1:] or places, strict=False):
        pieces = max(abs(x2 - x1), abs(y2 - y1), 1)
        for piece in range(pieces + 1):
            dot(x1 + round((x2 - x1) * piece / pieces), y1 + round((y2 - y1) * piece / pieces))
    values = [value for _, value in entries]
    labels = {0: f"{max(values):.3g}", ROWS - 1: f"{min(values):.3g}"}
    return [
        f"{labels.get(row, ''):>{LABEL_COLUMNS - 1}} "
        + "".join(chr(BRAILLE + bits) for bits in cells[row]).rstrip(chr(BRAILLE))
        for row in range(ROWS)
    ]


class Page:
    """The curves as a page in the browser: / is the page, /curves.json what it draws.

    Args:
      curves: those of the command; they may grow while the page is served.
    """

    def __init__(self, curves: Sequence[Curve]) -> None:
        page = resources.files("pestwatch.vision").joinpath("live.html").read_bytes()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the library's name
                if self.path == "/":
                    self._answer(page, "text/html; charset=utf-8")
                elif self.path == "/curves.json":
                    content = json.dumps({"curves": [curve.to_json() for curve in tuple(curves)]})
                    self._answer(content.encode(), "application/json")
                else:
                    self.send_error(HTTPStatus.NOT_FOUND)

            def _answer(self, content: bytes, kind: str) -> None:
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
                """Says nothing: the terminal belongs to the curves."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
