import pytest

from pestwatch.shelf import models_dir
from pestwatch.vision.dataset import GNORAB, Example, Point
from pestwatch.vision.recount import NO_MOTH, READERS, SAME_PX, Reading, agreed, read_recount, recounted

from .pictures import liner

BOX = Point(50.0, 50.0, GNORAB, 24.0)
# The files of `val`; the others of the recount are those of `test_trap`.
VAL = {
    *(
        49,
        50,
        52,
        61,
        62,
        63,
        64,
        85,
        86,
        87,
        88,
        93,
        95,
        96,
        101,
        110,
        111,
        112,
        163,
        164,
        165,
        166,
        187,
        188,
        189,
        190,
    ),
    *(211, 212, 213, 214, 227, 228, 229, 230, 244, 245, 538, 539, 540, 541),
}


def photo(*points: Point) -> Example:
    return Example(liner(0, 0).image, points, is_gappy=True, source="tuta_delta/images/7.jpg")


def read(first: list[Reading], second: list[Reading]):
    return {"images/7.jpg": dict(zip(READERS, (first, second), strict=True))}


def moth(x_px: float, y_px: float, kind: str = "whole") -> Reading:
    return Reading(x_px, y_px, kind)


@pytest.fixture(scope="module")
def readings():
    return read_recount(models_dir() / "recounts" / "tuta_delta.csv")


def test_a_moth_counts_when_both_readers_point_within_half_a_moth():
    near, far = moth(10, 10), moth(100, 10)
    both, alone = agreed([near, far], [moth(10 + SAME_PX, 10), moth(101 + SAME_PX, 10)])
    assert both == [near]
    assert alone == [far, moth(101 + SAME_PX, 10)]


def test_a_point_agrees_with_one_other_only_and_the_nearest_pair_comes_first():
    both, alone = agreed([moth(0, 0), moth(8, 0)], [moth(6, 0)])
    assert both == [moth(8, 0)]
    assert alone == [moth(0, 0)]


def test_agreed_moths_are_added_to_the_boxes_and_leave_no_gap():
    (example,) = recounted([photo(BOX)], read([moth(100, 100), moth(150, 20)], [moth(104, 98, "damaged")]))
    assert [(point.x_px, point.y_px, point.species) for point in example.points] == [(50, 50, 0), (100, 100, 0)]
    assert not example.is_gappy


def test_the_upper_bound_counts_what_one_reader_alone_saw():
    seen = read([moth(100, 100), moth(150, 20)], [moth(104, 98), moth(20, 200)])
    assert recounted([photo(BOX)], seen)[0].true_counts == (2, 0, 0)
    assert recounted([photo(BOX)], seen, upper=True)[0].true_counts == (4, 0, 0)


def test_a_box_is_taken_away_when_both_say_that_it_holds_no_moth():
    other = BOX._replace(x_px=120.0)
    one_says_so = read([moth(51, 50, NO_MOTH)], [])
    both_say_so = read([moth(51, 50, NO_MOTH)], [moth(49, 52, NO_MOTH)])
    assert recounted([photo(BOX, other)], one_says_so)[0].points == (BOX, other)
    assert recounted([photo(BOX, other)], both_say_so)[0].points == (other,)


def test_photos_that_nobody_read_are_left_out():
    assert recounted([photo(BOX)], {}) == []


def test_the_committed_readings_agree_on_as_many_moths_as_the_readme_says(readings):
    found = dict.fromkeys((True, False), 0)
    for name, by_reader in readings.items():
        added = [[point for point in by_reader[reader] if point.kind != NO_MOTH] for reader in READERS]
        both, _ = agreed(*added)
        found[int(name[7:11]) in VAL] += len(both)
    assert found == {True: 346, False: 345}


def test_every_measuring_photo_was_read_twice(readings):
    text = (models_dir() / "recounts" / "tuta_delta.csv").read_text(encoding="utf-8")
    readers = {name: {line.split(",")[1] for line in text.splitlines() if line.startswith(name)} for name in readings}
    assert len(readings) == 80
    assert all(found == set(READERS) for found in readers.values()), readers
