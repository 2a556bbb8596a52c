import numpy as np
import pytest

from pestwatch.vision.gate import REASONS, Gate, gate_tile, judge_light, judge_scores
from pestwatch.vision.light import Light, Limits, measure_light
from pestwatch.vision.preprocess import Sizes


@pytest.mark.parametrize(
    ("light", "verdict"),
    [
        (Light(120, 0, 1000, 300), Gate("good", None)),
        (Light(49, 0, 1000, 300), Gate("doubtful", "too_dark")),
        (Light(24, 0, 1000, 300), Gate("rejected", "too_dark")),
        (Light(241, 0, 1000, 300), Gate("doubtful", "too_bright")),
        (Light(200, 501, 1000, 300), Gate("doubtful", "too_bright")),
        (Light(249, 0, 1000, 300), Gate("rejected", "too_bright")),
        (Light(120, 0, 1000, 7), Gate("doubtful", "too_blurred")),
        (Light(120, 0, 1000, 1), Gate("rejected", "too_blurred")),
        (Light(49, 0, 1000, 1), Gate("rejected", "too_blurred")),
    ],
)
def test_the_light_names_the_worst_reason(light, verdict):
    assert judge_light(light, Limits()) == verdict


def test_a_photo_that_is_all_white_is_rejected():
    light = measure_light(np.full((50, 50, 3), 255, np.uint8))
    assert judge_light(light, Limits()) == Gate("rejected", "too_bright")


THRESHOLDS, REJECTS = [100] * len(REASONS), [230] * 4 + [256] * 3


def scores(**given):
    return [given.get(reason, 0) for reason in REASONS]


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"too_far": 99}, Gate("good", None)),
        ({"too_far": 100}, Gate("doubtful", "too_far")),
        ({"too_far": 100, "cut_off": 101}, Gate("doubtful", "cut_off")),
        ({"saturated": 255}, Gate("doubtful", "saturated")),
        ({"not_a_trap": 230, "saturated": 99}, Gate("rejected", "not_a_trap")),
        ({"not_a_trap": 255, "saturated": 100}, Gate("doubtful", "saturated")),
        ({"not_a_trap": 255, "too_far": 100, "cut_off": 101}, Gate("doubtful", "cut_off")),
        ({"not_a_trap": 255, "too_far": 100, "too_blurred": 230}, Gate("rejected", "too_blurred")),
        ({"not_a_trap": 230, "too_blurred": 231}, Gate("rejected", "too_blurred")),
        ({"not_a_trap": 231, "too_blurred": 231}, Gate("rejected", "not_a_trap")),
    ],
)
def test_the_surest_reason_is_named_rejecting_ones_first_and_no_trap_only_where_nothing_of_a_trap_is_seen(
    given, verdict
):
    assert judge_scores(scores(**given), THRESHOLDS, REJECTS) == verdict


def test_the_network_sees_the_whole_photo_with_grey_around():
    tile = gate_tile(Sizes(np.full((300, 600, 3), 7, np.uint8)))
    assert tile.shape == (160, 160, 3)
    assert (tile[:80] == 7).all()
    assert (tile[80:] == 128).all()
