from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageColor

from pestwatch.vision.drawn import Scene, draw
from pestwatch.vision.pictures import (
    FALSE,
    HIT,
    MISSED,
    Measured,
    Overlay,
    Pair,
    density_bins,
    told_apart,
    write_pictures,
)
from pestwatch.vision.plot import round_ticks
from pestwatch.vision.resample import Figure

TRUTH = [(10.0, 10.0), (50.0, 50.0), (90.0, 90.0)]
MARKS = [(12.0, 11.0), (51.0, 50.0), (20.0, 80.0)]


def overlay(image: np.ndarray | None = None) -> Overlay:
    return Overlay("a photo", TRUTH, MARKS, (320, 320), 20.0, image)


def measured() -> Measured:
    drawn = draw(Scene(insects={"GNORAB": 20}, noise=0), 3).image
    return Measured(
        "base-20261125-2",
        {"val": [Pair(10, 12), Pair(20, 19)], "test_trap": [Pair(30, 30), Pair(40, 33), Pair(0, 1)]},
        {"val": [(0.5, Figure(0.2, 0.1, 0.3)), (1.0, Figure(0.1, 0.08, 0.12)), (4.0, Figure(0.15, 0.1, 0.2))]},
        0.08,
        [overlay()],
        [overlay(), overlay()],
        [overlay(drawn), overlay(drawn)],
    )


def test_a_mark_belongs_to_the_nearest_moth_within_half_a_length():
    parts = told_apart(overlay())
    assert parts.hits == [(50.0, 50.0), (10.0, 10.0)]
    assert parts.missed == [(90.0, 90.0)]
    assert parts.false == [(20.0, 80.0)]


def test_two_marks_on_one_moth_are_one_found_and_one_made_up():
    parts = told_apart(Overlay("a photo", [(10.0, 10.0)], [(10.0, 11.0), (10.0, 10.0)], (320, 320), 20.0))
    assert (len(parts.hits), parts.false) == (1, [(10.0, 11.0)])


def test_every_picture_is_small_and_can_be_read(tmp_path):
    paths = write_pictures(tmp_path, measured())
    assert [path.name for path in paths] == [
        "card-counted.png",
        "card-density.png",
        "card-scale.png",
        "card-good.png",
        "card-bad.png",
        "card-drawn.png",
    ]
    for path in paths:
        assert path.stat().st_size <= 40_000
        with Image.open(path) as picture:
            assert picture.width >= 600


def test_nothing_measured_is_nothing_drawn(tmp_path):
    assert write_pictures(tmp_path, Measured("base-20261125-2")) == []
    assert list(tmp_path.iterdir()) == []


def test_marks_on_a_drawn_trap_keep_their_colours(tmp_path):
    write_pictures(tmp_path, measured())
    colours = {colour for _, colour in Image.open(tmp_path / "card-drawn.png").convert("RGB").getcolors()}
    assert {ImageColor.getrgb(colour) for colour in (HIT, MISSED, FALSE)} <= colours


def test_what_was_found_missed_and_made_up_is_told_by_colour(tmp_path):
    def share(of: Overlay, colour: str) -> float:
        write_pictures(tmp_path, Measured("base-20261125-2", good=[of]))
        panel = np.asarray(Image.open(tmp_path / "card-good.png").convert("RGB"))[150:].astype(int)  # under the legend
        return float((np.abs(panel - ImageColor.getrgb(colour)).max(axis=2) < 40).mean())

    nothing = Overlay("a photo", [], [], (320, 320), 20.0)
    for colour in (MISSED, FALSE):
        assert share(nothing, colour) == 0 < share(overlay(), colour)


def test_only_drawn_traps_have_pixels(tmp_path):
    with pytest.raises(ValueError, match="has no picture"):
        write_pictures(tmp_path, Measured("base-20261125-2", drawn=[overlay()]))


def test_photos_with_the_same_number_of_insects_stay_in_one_bin():
    pairs = [Pair(true, true) for true in (1, 2, 2, 2, 2, 3, 4, 5)]
    bins = density_bins(pairs)
    assert sum(len(part) for part in bins) == 8
    assert all(left[-1].true < right[0].true for left, right in pairwise(bins))
    assert [len(part) for part in bins] == [5, 1, 1, 1]


@pytest.mark.parametrize(("high", "last"), [(0.7, 0.8), (8, 8), (97, 100), (101, 120)])
def test_ticks_are_round_and_reach_the_greatest_value(high: float, last: float):
    assert round_ticks(high)[-1] == pytest.approx(last)
    assert len(round_ticks(high)) <= 7
