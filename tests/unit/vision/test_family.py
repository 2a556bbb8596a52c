from dataclasses import replace

import numpy as np
import pytest

from pestwatch.shelf import models_dir
from pestwatch.vision.dataset import GNORAB, HELIAR, NOCTUID_LARGE, Example, Point
from pestwatch.vision.family import Material, placed_by, training_material
from pestwatch.vision.recipe import Settings, measuring_sets, read_recipe, threshold_sets
from pestwatch.vision.recount import read_recount

from .photo_sets import SECOND_PHONE, write_photo_sets, write_recount

SETS = ("tuta_delta", "helicoverpa_funnel", "plodia_funnel", "medfly_delta")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photo_sets(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def recipe():
    return read_recipe(models_dir() / "recipes" / "base.toml")


def sets_of(material: Material) -> set[str]:
    return {example.source.split("/")[0] for example in material.examples}


def test_every_set_is_drawn_from_as_often_as_the_recipe_says(photos, recipe):
    material = training_material(photos, recipe)
    assert len(material.examples) == len(material.weights) == 2 + 3 + 1 + 2
    assert sum(material.weights) == pytest.approx(sum(recipe.data[name] for name in SETS))
    liner, noctuids = material.weights[:2]
    assert noctuids == pytest.approx(recipe.data["noctuid_boost"] * liner)


def test_no_photo_is_both_trained_and_measured_on(photos, recipe, tmp_path):
    readings = read_recount(write_recount(tmp_path))
    trained = {example.image.tobytes() for example in training_material(photos, recipe).examples}
    for measured in measuring_sets(photos, readings).values():
        assert measured
        assert trained.isdisjoint(example.image.tobytes() for example in measured)


def test_the_test_trap_has_no_say_in_a_threshold(photos, recipe, tmp_path):
    chosen = threshold_sets(photos, read_recount(write_recount(tmp_path)), recipe.seed)
    assert len(chosen) == 3
    sources = {example.source for examples in chosen for example in examples}
    assert sources.isdisjoint({"tuta_delta/images/4.jpg", "tuta_delta/images/5.jpg", "medfly_delta/images/2.jpg"})


def test_a_trap_a_phone_or_a_set_can_be_left_out(photos, recipe):
    def traps(*leave_out: str) -> set[str]:
        return {example.trap for example in training_material(photos, recipe, leave_out).examples}

    everything = traps()
    assert everything - traps("tuta/T0") == {"tuta/T0"}
    assert everything - traps(SECOND_PHONE) == {"tuta/T1"}
    assert sets_of(training_material(photos, recipe, ["medfly_delta"])) == {"tuta_delta", "helicoverpa_funnel"}


def test_what_is_left_out_is_not_pasted_either(photos, recipe):
    def species(*leave_out: str) -> set[int | None]:
        return {patch.species for patch in training_material(photos, recipe, leave_out).patches}

    assert species() == {GNORAB, NOCTUID_LARGE, None}
    assert species("medfly_delta") == {GNORAB, NOCTUID_LARGE}
    assert species("tuta/T1") == {GNORAB, None}


class Teacher:
    """A stand-in for a network that sees one bollworm."""

    def __call__(self, image: np.ndarray, *, training: bool) -> np.ndarray:
        heat = np.zeros((1, image.shape[1] // 4, image.shape[2] // 4, 4), np.float32)
        heat[0, 5, 8, HELIAR] = 0.9
        return heat


def test_the_teacher_places_what_was_counted_and_nothing_else():
    blank = np.zeros((128, 128, 3), np.uint8)
    known = Point(90.0, 90.0, GNORAB, 24.0)
    material = Material([Example(blank, counts=(0, 1, 0)), Example(blank, (known,))], [1.0, 2.0], [])
    placed = placed_by(Teacher(), material, Settings(counted_moth_px=50.0))
    assert placed.examples[0].points == (Point(34.0, 22.0, HELIAR, 50.0),)
    assert placed.examples[1] is material.examples[1]
    assert replace(placed, examples=material.examples) == material
