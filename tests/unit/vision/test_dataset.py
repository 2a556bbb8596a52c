from dataclasses import replace

import numpy as np
import pytest

from pestwatch.vision.dataset import (
    BY_CATCH_PX,
    FLY_PX,
    FUNNEL_MOTH_PX,
    GNORAB,
    HELIAR,
    NOCTUID_LARGE,
    PLODIA_PX,
    Example,
    Point,
    counting_ratio,
    helicoverpa_funnel,
    medfly_delta,
    tuta_delta,
)
from pestwatch.vision.preprocess import MOTH_PX
from pestwatch.vision.recipe import measuring_sets
from pestwatch.vision.recount import read_recount

from .photo_sets import FLIES_PX, write_photo_sets, write_recount
from .pictures import liner


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photo_sets(tmp_path_factory.mktemp("photos"))


def test_second_annotations_of_a_photo_are_left_out(photos):
    assert [example.trap for example in tuta_delta(photos, "train")] == ["tuta/T0", "tuta/T1"]


def test_boxes_become_centres_and_lengths(photos):
    example = tuta_delta(photos, "train")[0]
    assert not example.count_only
    assert example.true_counts == (6, 0, 0)
    for point, drawn in zip(example.points, liner(0, 6, length_px=24).points, strict=True):
        assert point == pytest.approx(drawn)
        assert point.species == GNORAB
    assert tuta_delta(photos, "train")[1].true_counts[NOCTUID_LARGE] == 6


def test_liners_are_known_to_hold_moths_without_a_box(photos):
    assert all(example.is_gappy for example in tuta_delta(photos, "train"))
    assert not any(example.is_gappy for example in helicoverpa_funnel(photos, "train"))


def test_funnel_frames_are_counted_and_partly_placed(photos):
    five, none, pair = helicoverpa_funnel(photos, "train")
    assert (five.true_counts[HELIAR], len(five.points), five.count_only) == (5, 3, True)
    assert (none.true_counts[HELIAR], len(none.points)) == (0, 0)
    assert pair.true_counts[HELIAR] == 2
    assert five.trap == "funnel/20220604"


def test_another_small_moth_is_by_catch_for_the_large_and_says_nothing_of_the_small(photos):
    (plodia,) = helicoverpa_funnel(photos, "train_plodia")
    assert plodia.true_counts == (0, 0, 0)
    assert plodia.silent == {GNORAB}


def test_by_catch_is_split_by_photo(photos):
    assert {example.trap for example in medfly_delta(photos, held_out=True)} == {"medfly/photo3"}
    assert len(medfly_delta(photos, held_out=False)) == 2


def test_flies_have_a_place_and_no_species(photos):
    two, none = medfly_delta(photos, held_out=False)
    assert [fly.species for fly in two.by_catch] == [-1, -1]
    assert two.points == ()
    assert two.true_counts == (0, 0, 0)
    assert (two.scale_px, none.scale_px) == (FLIES_PX, FLY_PX)


def test_a_photo_is_seen_at_the_length_at_which_its_species_is_counted(photos):
    liners, noctuids = tuta_delta(photos, "train")
    assert counting_ratio(liners) == MOTH_PX[GNORAB] / 24
    assert counting_ratio(noctuids) == MOTH_PX[NOCTUID_LARGE] / 24
    assert counting_ratio(helicoverpa_funnel(photos, "train")[0]) == MOTH_PX[HELIAR] / FUNNEL_MOTH_PX
    assert counting_ratio(helicoverpa_funnel(photos, "train_plodia")[0]) == BY_CATCH_PX / PLODIA_PX
    assert counting_ratio(medfly_delta(photos, held_out=False)[0]) == BY_CATCH_PX / FLIES_PX


def test_a_photo_that_tells_no_length_is_seen_as_it_is():
    assert counting_ratio(Example(np.zeros((9, 9, 3), np.uint8), counts=(3, 0, 0))) == 1


def test_a_species_that_is_not_asked_about_weighs_half_in_the_scale_of_a_photo():
    photo = Example(np.zeros((9, 9, 3), np.uint8), counts=(3, 4, 0), usual_px=20.0)
    assert counting_ratio(photo) == MOTH_PX[HELIAR] / 20
    assert counting_ratio(replace(photo, silent=frozenset({HELIAR}))) == MOTH_PX[GNORAB] / 20


def test_a_photos_scale_is_the_median_moth():
    points = tuple(Point(10.0, 10.0, GNORAB, length) for length in (10.0, 20.0, 90.0))
    assert Example(np.zeros((9, 9, 3), np.uint8), points).scale_px == 20


def test_measuring_photos_come_recounted_and_as_published(photos, tmp_path):
    sets = measuring_sets(photos, read_recount(write_recount(tmp_path)))
    counted = {name: [example.true_counts[GNORAB] for example in examples] for name, examples in sets.items()}
    assert (counted["val_boxes"], counted["val"]) == ([6], [7])
    assert (counted["test_trap_boxes"], counted["test_trap"]) == ([6], [7])
    assert [len(sets[name]) for name in ("test_noctuid", "funnel_val", "by_catch")] == [1, 1, 1]
