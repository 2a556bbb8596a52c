import io
import json
import urllib.error
import urllib.request

import pytest

from pestwatch.vision.curve import Curve, read_curve
from pestwatch.vision.live import Live, chart, drawn


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(live: Live) -> None:
    live.begin("small", 40)
    for step in (10, 20, 30):
        live.loss(step, 10 / step)
    live.error(30, 0.25)


def fetched(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read()


def test_a_curve_is_kept_in_a_file_after_every_entry(tmp_path):
    told(Live(tmp_path, io.StringIO(), page=False))
    kept = read_curve(tmp_path / "small.curve.json")
    assert kept == Curve("small", 40, [(10, 1.0), (20, 0.5), (30, 0.3333)], [(30, 0.25)])


def test_where_the_output_is_no_terminal_plain_lines_are_written(tmp_path):
    stream = io.StringIO()
    with Live(tmp_path, stream, page=True) as live:
        told(live)
    lines = stream.getvalue().splitlines()
    assert lines[1:] == [
        "step 10 of 40, loss 1.000",
        "step 20 of 40, loss 0.500",
        "step 30 of 40, loss 0.333",
        "step 30 of 40, error / count 0.250",
    ]
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_is_drawn_anew_over_what_was_drawn(tmp_path):
    stream = Terminal()
    with Live(tmp_path, stream, page=True) as live:
        told(live)
    last = stream.getvalue().split("\x1b[J")[-1].splitlines()
    before = stream.getvalue().split("\x1b[J")[-2].splitlines()
    assert last[0] == "small: step 30 of 40"
    assert stream.getvalue().count("\x1b[J") == 3
    assert f"\x1b[{len(before) - 1}F\x1b[J" in stream.getvalue()  # the last line of `before` is the way back


def test_the_page_and_its_data_are_served_while_the_training_runs(tmp_path):
    stream = io.StringIO()
    with Live(tmp_path, stream, page=True) as live:
        address = live.page.address
        assert stream.getvalue() == f"curves at {address} until the training ends\n"
        page = fetched(address).decode()
        assert "http" not in page, "the page must need nothing but this server"
        assert json.loads(fetched(address + "curves.json")) == {"curves": []}
        told(live)
        (curve,) = json.loads(fetched(address + "curves.json"))["curves"]
        assert curve["losses"] == [[10, 1.0], [20, 0.5], [30, 0.3333]]
        assert curve["errors"] == [[30, 0.25]]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetched(address + "../../etc/passwd")
    with pytest.raises(urllib.error.URLError):
        fetched(address)


def test_the_page_stops_with_a_training_that_breaks_off(tmp_path):
    addresses = []

    def broken_off() -> None:
        with Live(tmp_path, io.StringIO(), page=True) as live:
            addresses.append(live.page.address)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with pytest.raises(urllib.error.URLError):
        fetched(addresses[0])


def test_a_falling_line_is_drawn_from_the_upper_left_to_the_lower_right():
    rows = chart([(0, 1.0), (50, 0.1), (100, 0.01)], 100, 40)
    assert rows[0].split()[0] == "1"
    assert rows[-1].split()[0] == "0.01"
    first = [next(place for place, letter in enumerate(row[7:]) if letter > "\u2800") for row in rows]
    assert first == sorted(first)
    assert len(rows[-1]) == 40


def test_a_flat_line_and_a_single_entry_can_be_drawn():
    assert len(chart([(10, 0.5), (20, 0.5)], 100, 30)) == 7
    assert len(chart([(10, 0.5)], 100, 30)) == 7


def test_no_line_is_longer_than_the_terminal_is_wide():
    curve = Curve("small", 100, [(step, 1 / step) for step in range(10, 100, 10)], [(90, 0.2)])
    assert max(len(line) for line in drawn(curve, 60)) < 60
