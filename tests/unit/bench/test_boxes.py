import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.peers.boxes import BACKGROUND_BELOW, anchors, decoded, overlaps, suppressed, targets
from pestwatch.vision.dataset import GNORAB, NOCTUID_LARGE, Point

GRID = anchors(256)


def test_anchors_stand_on_the_centres_of_their_cells():
    assert GRID.shape == (32 * 32 * 3 + 16 * 16 * 2, 3)
    assert GRID[0].tolist() == [4.0, 4.0, 20.0]
    assert GRID[1].tolist() == [4.0, 4.0, 28.0]
    assert GRID[3].tolist() == [12.0, 4.0, 20.0]
    assert GRID[-1].tolist() == [248.0, 248.0, 80.0]


def test_overlap_is_shared_area_over_joined_area():
    squares = np.float32([[10, 10, 10], [15, 10, 10], [40, 40, 10]])
    assert overlaps(squares[:1], squares)[0].tolist() == pytest.approx([1, 1 / 3, 0])


@settings(deadline=None)  # the machine may be busy
@given(st.floats(20, 236), st.floats(20, 236), st.floats(12, 90), st.sampled_from([GNORAB, NOCTUID_LARGE]))
def test_every_moth_has_an_anchor_whose_answer_gives_it_back(x: float, y: float, length: float, species: int):
    scores, _, boxes = targets([Point(x, y, species, length)], GRID, 3)
    matched = scores[:, species] == 1
    assert matched.any()
    assert scores.sum() == matched.sum()
    assert decoded(boxes[matched], GRID[matched]) == pytest.approx(
        np.float32([[x, y, length]] * matched.sum()), abs=0.02
    )


def test_an_anchor_that_half_covers_a_moth_is_neither_moth_nor_background():
    scores, cares, _ = targets([Point(128.0, 128.0, GNORAB, 28.0)], GRID, 3)
    cover = overlaps(GRID, np.float32([[128, 128, 28]]))[:, 0]
    between = (cares[:, GNORAB] == 0).nonzero()[0]
    assert len(between)
    assert cover[between].min() >= BACKGROUND_BELOW
    assert scores[between].max() == 0
    assert cares[:, NOCTUID_LARGE].min() == 1


def test_of_two_boxes_on_one_moth_the_surer_one_is_kept():
    scores = np.zeros((3, 3), np.uint8)
    scores[:, GNORAB] = (150, 200, 90)
    squares = np.float32([[50, 50, 28], [52, 50, 28], [90, 50, 28]])
    kept = suppressed(scores, squares, 80, 40)
    assert [(box.x1, box.value) for box in kept] == [(38, 200), (76, 90)]
    assert [box.value for box in suppressed(scores, squares, 100, 40)] == [200]
    assert [box.value for box in suppressed(scores, squares, 80, 95)] == [200, 150, 90]


def test_boxes_of_two_species_do_not_suppress_one_another():
    scores = np.zeros((1, 3), np.uint8)
    scores[0, [GNORAB, NOCTUID_LARGE]] = (150, 120)
    assert len(suppressed(scores, np.float32([[50, 50, 28]]), 80, 10)) == 2
