import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pestwatch.vision.peaks import APART_CELLS, Peak, Placed, each_once, find_peaks


def heat_of(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, np.uint8)[:, :, None]


def test_a_lone_centre_is_found_with_its_value():
    heat = np.zeros((4, 4, 2), np.uint8)
    heat[2, 1, 1] = 200
    assert find_peaks(heat, [100, 100]) == [Peak(2, 1, 1, 200)]


def test_the_threshold_itself_counts():
    heat = np.zeros((3, 3, 1), np.uint8)
    heat[1, 1] = 100
    assert len(find_peaks(heat, [100])) == 1
    assert find_peaks(heat, [101]) == []


def test_of_two_equal_neighbours_one_counts():
    for pair in ([[9, 9]], [[9], [9]], [[9, 0], [0, 9]], [[0, 9], [9, 0]], [[9, 9], [9, 9]]):
        assert len(find_peaks(heat_of(pair), [5])) == 1


def test_outside_never_wins():
    assert len(find_peaks(heat_of([[7, 0, 0], [0, 0, 0], [0, 0, 7]]), [5])) == 2


@given(arrays(np.uint8, (6, 7, 2)), st.integers(1, 255))
def test_two_counted_cells_never_touch(heat, threshold):
    found = find_peaks(heat, [threshold, threshold])
    for one in found:
        for other in found:
            near = max(abs(one.row - other.row), abs(one.column - other.column)) == 1
            assert not (one.species == other.species and near)


PEAKS = st.builds(Placed, st.integers(0, 40), st.integers(0, 40), st.integers(0, 1), st.integers(1, 4), st.just(128))


@given(st.lists(PEAKS, max_size=12), st.lists(PEAKS, max_size=12))
def test_near_a_border_one_of_the_peaks_that_are_near_one_another_stays(own, beyond):
    kept = each_once(own, beyond, 8)

    def near(one: Placed) -> list[Placed]:
        return [k for k in kept if k.species == one.species and max(abs(k.x_px - one.x_px), abs(k.y_px - one.y_px)) < 8]

    assert set(kept) <= {*own, *beyond}
    assert all(len(near(one)) == 1 for one in kept)
    assert all(near(one) for one in own)
    assert each_once([], beyond[:1], 8) == []


def test_a_moth_that_two_tiles_put_on_the_others_side_is_found_once_whoever_is_hotter():
    first, second = Placed(482, 90, 0, 120, 128), Placed(478, 90, 0, 200, 128)
    assert each_once([], [first, second], 8) == [second]
    assert each_once([first, second], [], 8) == [first]
    assert each_once([first], [second], 8) == [first]


@given(arrays(np.uint8, (5, 5, 2), elements=st.integers(0, 3)))
def test_of_one_tile_nothing_is_taken_out(heat):
    found = [Placed(4 * p.column, 4 * p.row, p.species, p.value, 0) for p in find_peaks(heat, [1, 1])]
    assert each_once(found, [], 4 * APART_CELLS) == found
