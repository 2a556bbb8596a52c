import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pestwatch.vision.look import (
    EVIDENCE_Q,
    FIRST_LOOKS,
    MOST_LOOKS,
    SEEN_Q,
    SIDES_PX,
    STEP_CODE,
    Seen,
    look,
    middle_code,
    steps_off,
)
from pestwatch.vision.preprocess import MAX_SIDE_PX, MOTH_PX


def code_of(length_px: float) -> int:
    """As pestwatch/vision/model.py writes lengths: 6 px to 96 px, four octaves in 256 steps."""
    return min(max(round(64 * math.log2(length_px / 6)), 0), 255)


# What a network answers that is right about every length.
MOTH_CODES = tuple(code_of(length_px) for length_px in MOTH_PX)


moths = st.builds(Seen, st.just(0.5), st.just(0.5), st.integers(0, 2), st.integers(SEEN_Q, 255), st.integers(0, 255))
looks = st.lists(st.lists(moths, max_size=4), min_size=len(SIDES_PX), max_size=len(SIDES_PX))
sides = st.integers(96, 6000)


def moths_of(length_at_512: float, species: int = 0):
    """Five sure moths that are so long when the photo's long side is 512 px."""

    def see(side_px: int) -> list[Seen]:
        return [Seen(0.5, 0.5, species, 200, code_of(length_at_512 * side_px / 512))] * 5

    return see


@given(sides, looks)
def test_looking_ends_soon_at_a_size_that_the_photo_allows(long_px, answers):
    asked = []

    def see(side_px: int) -> list[Seen]:
        asked.append(side_px)
        return answers[SIDES_PX.index(side_px)]

    found = look(long_px, MOTH_CODES, see)
    assert found.looks == len(asked) == len(set(asked)) <= MOST_LOOKS
    assert all(side_px <= min(2 * long_px, MAX_SIDE_PX) for side_px in asked)
    assert found.side_px in asked
    assert list(found.seen) == answers[SIDES_PX.index(found.side_px)]
    assert found.steps_off == steps_off(found.seen, MOTH_CODES)


@given(sides, looks)
def test_the_same_answers_lead_to_the_same_size(long_px, answers):
    first, second = (look(long_px, MOTH_CODES, lambda side_px: answers[SIDES_PX.index(side_px)]) for _ in range(2))
    assert first == second


@given(sides, looks)
def test_what_was_seen_is_only_given_up_for_something_seen(long_px, answers):
    found = look(long_px, MOTH_CODES, lambda side_px: answers[SIDES_PX.index(side_px)])
    if found.steps_off is None:
        allowed = [side for side in SIDES_PX if side <= min(2 * long_px, MAX_SIDE_PX)]
        firsts = [min(max(SIDES_PX[place], allowed[0]), allowed[-1]) for place in FIRST_LOOKS]
        assert all(steps_off(answers[SIDES_PX.index(side)], MOTH_CODES) is None for side in firsts)


@given(st.floats(4, 60), st.integers(0, 2))
def test_moths_of_any_length_are_counted_at_the_length_of_their_species(length_at_512, species):
    found = look(MAX_SIDE_PX, MOTH_CODES, moths_of(length_at_512, species))
    wanted = 512 * MOTH_PX[species] / length_at_512
    nearest = min(SIDES_PX, key=lambda side: abs(math.log2(side / wanted)))
    assert abs(SIDES_PX.index(found.side_px) - SIDES_PX.index(nearest)) <= 1
    assert found.looks <= 4


def test_sizes_are_a_quarter_of_an_octave_apart():
    assert [round(512 * 2 ** (n / 4)) for n in range(-8, 13)] == list(SIDES_PX)


def test_a_network_that_answers_too_long_everywhere_counts_at_the_same_size():
    def too_long(side_px: int) -> list[Seen]:
        return [replace(moth, code=moth.code + 20) for moth in moths_of(12.0)(side_px)]

    told = [code + 20 for code in MOTH_CODES]
    assert look(4000, told, too_long).side_px == look(4000, MOTH_CODES, moths_of(12.0)).side_px
    assert look(4000, MOTH_CODES, too_long).side_px < look(4000, told, too_long).side_px


def test_a_search_that_leads_on_and_on_ends_at_the_last_look_allowed():
    path = [8, 15, 9, 14, 10, 13, 11, 12]  # each size names the next of them

    def see(side_px: int) -> list[Seen]:
        place = SIDES_PX.index(side_px)
        off = place - path[path.index(place) + 1]
        return [Seen(0.5, 0.5, 0, 255, MOTH_CODES[0] + off * STEP_CODE)] * 2

    found = look(MAX_SIDE_PX, MOTH_CODES, see)
    assert (found.looks, found.side_px) == (MOST_LOOKS, SIDES_PX[path[MOST_LOOKS - 1]])


@pytest.mark.parametrize(("longer", "steps"), [(7, 0), (8, 1), (24, 2), (-8, 0), (-9, -1), (-24, -1), (-25, -2)])
def test_halves_of_steps_are_rounded_up(longer, steps):
    assert steps_off([Seen(0, 0, 0, 255, MOTH_CODES[0] + longer)] * 2, MOTH_CODES) == steps


def test_an_octave_of_length_is_four_steps():
    assert code_of(48) - code_of(24) == 4 * STEP_CODE


def test_the_middle_code_is_by_heat_and_not_by_number():
    assert middle_code([Seen(0, 0, 0, 50, 10), Seen(0, 0, 0, 50, 20), Seen(0, 0, 0, 101, 30)]) == 30
    assert middle_code([Seen(0, 0, 0, 50, 10), Seen(0, 0, 0, 50, 20), Seen(0, 0, 0, 50, 30)]) == 20
    assert middle_code([]) is None


def test_a_little_heat_says_nothing_about_the_size():
    values = [EVIDENCE_Q // 2, EVIDENCE_Q // 2]
    assert steps_off([Seen(0, 0, 0, value, MOTH_CODES[0]) for value in values], MOTH_CODES) == 0
    assert steps_off([Seen(0, 0, 0, value, MOTH_CODES[0]) for value in (values[0], values[1] - 1)], MOTH_CODES) is None


@given(st.lists(moths, min_size=3, max_size=9), st.randoms(use_true_random=False))
def test_the_order_of_the_moths_does_not_matter(seen, random):
    shuffled = list(seen)
    random.shuffle(shuffled)
    assert steps_off(shuffled, MOTH_CODES) == steps_off(seen, MOTH_CODES)


def test_the_median_is_by_heat_and_not_by_number():
    faint = [Seen(0, 0, 0, 50, MOTH_CODES[0] + 6 * STEP_CODE)] * 4
    sure = [Seen(0, 0, 0, 250, MOTH_CODES[0] - STEP_CODE)]
    assert steps_off([*faint, *sure], MOTH_CODES) == -1
    assert steps_off([*faint, *faint, *sure], MOTH_CODES) == 6
    assert np.sign(steps_off(faint * 2, MOTH_CODES)) == 1
