from dataclasses import replace

import numpy as np
import pytest

from pestwatch.vision import evaluate
from pestwatch.vision.dataset import Example
from pestwatch.vision.evaluate import measure, measure_lengths, pick_threshold
from pestwatch.vision.look import Seen
from pestwatch.vision.threshold import photo_threshold

from .pictures import liner

LABELS = ("GNORAB", "HELIAR", "NOCTUID_LARGE")
BLANK = np.zeros((100, 100, 3), np.uint8)


def counted(*counts: int, silent: frozenset[int] = frozenset()) -> Example:
    return Example(BLANK, counts=counts, silent=silent)


def test_errors_are_summed_as_defined():
    metrics = measure(LABELS, [counted(10, 0, 0), counted(30, 0, 0)], [(12, 0, 1), (27, 0, 0)])
    moths = metrics.per_species["GNORAB"]
    assert (moths.mae, moths.wape, moths.bias, moths.insects, moths.n) == (2.5, 5 / 40, -0.5, 40, 2)
    assert moths.r2 == pytest.approx(1 - 13 / 200)
    assert metrics.per_species["NOCTUID_LARGE"].wape is None
    assert metrics.wape == pytest.approx(6 / 40)
    assert metrics.mae == pytest.approx(1.0)


def test_a_silent_species_is_not_measured():
    metrics = measure(LABELS, [counted(5, 0, 0, silent=frozenset({0}))], [(99, 0, 0)])
    assert "GNORAB" not in metrics.per_species
    assert metrics.mae == 0


def test_the_threshold_is_in_the_middle_of_the_best_plateau():
    scores = [[200, 190, 60, 50], [180, 40]]
    usual, share = pick_threshold([2, 1], scores)
    assert [sum(score >= photo_threshold(found, usual, share) for score in found) for found in scores] == [2, 1]
    assert 100 <= usual <= 140


def test_photos_of_different_light_get_a_threshold_that_follows_them():
    bright, dim = [220] * 20 + [120] * 3, [110] * 20 + [60] * 3
    usual, share = pick_threshold([20, 20], [bright, dim])
    assert share > 0
    for found in (bright, dim):
        assert sum(score >= photo_threshold(found, usual, share) for score in found) == 20


class Ruler:
    """A stand-in for a counter: it sees one moth of each species and answers half of the picture's long side."""

    labels = LABELS

    def __init__(self, model: bytes, sidecar: object) -> None: ...

    def see(self, sized: np.ndarray) -> list[Seen]:
        return [Seen(0.5, 0.5, species, 200, max(sized.shape[:2]) // 2) for species in range(3)]


def test_lengths_are_measured_on_photos_of_one_species_at_the_size_where_it_is_counted(monkeypatch):
    monkeypatch.setattr(evaluate, "Counter", Ruler)
    small = liner(1, 4, length_px=48.0)  # counted at 24 px: at half its 256 px
    mixed = replace(small, points=(*small.points, small.points[0]._replace(species=1)), usual_px=12.0)
    assert measure_lengths(b"", {}, [small, mixed, liner(2, 0)]) == (64, 128, 128)


def test_figures_travel_as_json():
    figures = measure(LABELS, [counted(3, 0, 0)], [(2, 0, 0)]).to_json()
    assert figures["per_species"]["GNORAB"]["wape"] == 0.3333
