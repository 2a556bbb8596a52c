import pytest

from pestwatch.cli import models_dir
from pestwatch.vision.dataset import (
    GNORAB,
    HELIAR,
    NOCTUID_LARGE,
    helicoverpa_funnel,
    medfly_delta,
    tuta_delta,
)
from pestwatch.vision.recipe import measuring_sets, read_recipe, training_set

from .photo_sets import write_photo_sets
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


def test_no_photo_is_both_trained_and_measured_on(photos):
    recipe = read_recipe(models_dir() / "recipes" / "base.toml")
    examples, weights = training_set(photos, recipe)
    assert len(examples) == len(weights) == 2 + 3 + 1 + 2
    assert sum(weights) == pytest.approx(4.2 + 2.2 + 0.5 + 1.1)
    trained = {example.image.tobytes() for example in examples}
    for measured in measuring_sets(photos).values():
        assert trained.isdisjoint(example.image.tobytes() for example in measured)
