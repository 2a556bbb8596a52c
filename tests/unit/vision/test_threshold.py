import pytest
from hypothesis import given
from hypothesis import strategies as st

from pestwatch.vision.threshold import LEAST, MOST, WHOLE, photo_threshold

heats = st.lists(st.integers(1, 255), max_size=40)


@given(heats, st.integers(56, 192))
def test_a_share_of_nothing_keeps_to_the_usual_threshold(values, usual_q):
    assert photo_threshold(values, usual_q, 0) == usual_q


def test_a_photo_without_moths_keeps_to_the_usual_threshold():
    assert photo_threshold([], 100, 150) == 100


@given(heats, st.integers(56, 192), st.integers(0, 256))
def test_no_photo_leads_far_away_from_the_usual_threshold(values, usual_q, share_q):
    assert LEAST * usual_q // WHOLE <= photo_threshold(values, usual_q, share_q) <= MOST * usual_q // WHOLE


@pytest.mark.parametrize(("dimmed", "threshold"), [(1.0, 111), (0.9, 100), (0.8, 89)])
def test_many_moths_that_are_all_fainter_lower_the_threshold_with_them(dimmed, threshold):
    values = [round(220 * dimmed)] * 200
    assert photo_threshold(values, 100, 130) == pytest.approx(threshold, abs=1)


def test_one_moth_is_followed_a_little_and_many_nearly_all_the_way():
    one, many = photo_threshold([240], 100, 130), photo_threshold([240] * 100, 100, 130)
    assert 100 < one < 106 < 118 < many < 122
