import numpy as np
import pytest

from pestwatch.vision.dataset import Example
from pestwatch.vision.evaluate import measure, pick_threshold

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


def test_the_threshold_is_the_middle_of_the_best_plateau():
    scores = [[200, 190, 60, 50], [180, 40]]
    assert pick_threshold([2, 1], scores) == 122


def test_figures_travel_as_json():
    figures = measure(LABELS, [counted(3, 0, 0)], [(2, 0, 0)]).to_json()
    assert figures["per_species"]["GNORAB"]["wape"] == 0.3333
