import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from pestwatch.shelf import current_base
from pestwatch.vision.augment import Distances
from pestwatch.vision.dataset import GNORAB, HELIAR, Example, Point
from pestwatch.vision.evaluate import measure
from pestwatch.vision.loss import focal_loss
from pestwatch.vision.model import build_counter, freeze_encoder, head_layers, length_code, load_float, save_float
from pestwatch.vision.peaks import find_peaks
from pestwatch.vision.preprocess import MOTH_PX
from pestwatch.vision.recipe import Settings
from pestwatch.vision.shape import FAMILY
from pestwatch.vision.target import BY_CATCH_CARE, LONGEST_PX, NO_MOTH, SHORTEST_PX, UNSEEN_PX, gap_map, target_maps
from pestwatch.vision.teacher import Lesson, Teacher, feature_loss, taught_loss
from pestwatch.vision.train import GRID, batches, fit, heat_of, learn, place_counted

from .pictures import liner
from .tiny import TINY

LABELS = ("GNORAB", "HELIAR", "NOCTUID_LARGE")
BLANK = np.zeros((256, 256, 3), np.uint8)


@pytest.fixture(scope="module")
def model():
    tf.keras.utils.set_random_seed(3)
    return build_counter(FAMILY["small"])


def test_the_network_maps_a_tile_to_stride_four(model):
    assert model.compute_output_shape((2, 256, 320, 3)) == (2, 64, 80, 4)


def test_every_cell_starts_near_zero(model):
    assert heat_of(model, liner(1, 5).image)[..., :-1].max() < 30


def test_head_layers_are_one_kernel_and_one_bias_each(model):
    assert [len(layer.weights) for layer in head_layers(model)] == [2] * len(head_layers(model))
    assert head_layers(model)[-1].name == "head_heat"


def test_freezing_goes_block_by_block_and_can_be_undone():
    model = build_counter(TINY)
    everything = len(model.trainable_weights)
    freeze_encoder(model)
    assert len(model.trainable_weights) == 2 * len(head_layers(model))
    freeze_encoder(model, 4)
    names = {layer.name for layer in model.layers if layer.name.startswith("encoder_") and layer.trainable_weights}
    assert {name.split("_")[1] for name in names} == {"4", "5"}
    freeze_encoder(model, 0)
    assert len(model.trainable_weights) == everything


def test_a_target_is_exactly_one_on_the_centre():
    targets, cares = target_maps(liner(2, 6), 64, 3)
    assert (targets[:, :, GNORAB] == 1).sum() == 6
    assert cares[:, :, :-1].min() == 1
    peaks = find_peaks((targets[:, :, :-1] * 255).astype(np.uint8), [255, 255, 255])
    assert len(peaks) == 6


def test_a_silent_species_has_no_say():
    _, cares = target_maps(replace(liner(2, 6), silent=frozenset({HELIAR})), 64, 3)
    assert cares[:, :, HELIAR].max() == 0
    assert cares[:, :, GNORAB].min() == 1


def moth_of(length_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Targets and cares of one moth at cell (32, 32)."""
    return target_maps(Example(BLANK, (Point(130.0, 130.0, GNORAB, length_px),)), 64, 3)


def test_a_moth_too_short_to_see_is_no_moth():
    targets, cares = moth_of(UNSEEN_PX - 0.1)
    assert targets.max() == 0
    assert cares[:, :, :-1].min() == 1
    assert cares[:, :, -1].max() == 0


@pytest.mark.parametrize("length_px", [SHORTEST_PX - 0.1, LONGEST_PX + 0.1])
def test_a_moth_at_either_end_is_not_asked_about(length_px):
    targets, cares = moth_of(length_px)
    assert targets[:, :, GNORAB].max() < 1
    assert cares[32, 32, GNORAB] == 0
    assert cares[32, 32, HELIAR] == 1
    assert cares[0, 0, GNORAB] == 1


@pytest.mark.parametrize("length_px", [SHORTEST_PX, 24.0, LONGEST_PX])
def test_the_last_channel_learns_the_length_where_the_moth_lies(length_px):
    targets, cares = moth_of(length_px)
    assert targets[32, 32, GNORAB] == 1
    assert targets[32, 32, -1] == pytest.approx(length_code(length_px))
    assert cares[32, 32, -1] == 1
    assert cares[0, 0, -1] == 0


def test_of_two_moths_that_lie_close_each_cell_learns_the_nearers_length():
    points = (Point(120.0, 130.0, GNORAB, 20.0), Point(136.0, 130.0, HELIAR, 60.0))
    targets, _ = target_maps(Example(BLANK, points), 64, 3)
    assert targets[32, 30, -1] == pytest.approx(length_code(20.0))
    assert targets[32, 34, -1] == pytest.approx(length_code(60.0))


@pytest.mark.parametrize(("length_px", "code"), [(3.0, 0), (6.0, 0), (24.0, 0.5), (96.0, 1), (200.0, 1)])
def test_a_length_is_told_on_a_logarithmic_scale_of_four_octaves(length_px, code):
    assert length_code(length_px) == code


def flies(*, is_gappy: bool, silent: frozenset[int] = frozenset()) -> tuple[np.ndarray, np.ndarray]:
    """Gaps and cares of a crop with one fly of 40 px at cell (32, 32)."""
    crop = Example(BLANK, by_catch=(Point(130.0, 130.0, -1, 40.0),), is_gappy=is_gappy, silent=silent)
    _, cares = target_maps(crop, 64, 3)
    return gap_map(crop, cares), cares


def test_by_catch_weighs_more_and_is_never_forgiven():
    for is_gappy, elsewhere in ((True, 1), (False, 0)):
        gaps, cares = flies(is_gappy=is_gappy)
        assert gaps[32, 32] == NO_MOTH
        assert gaps[0, 0] == elsewhere
        assert (cares[32, 32, :-1] == BY_CATCH_CARE).all()
        assert (cares[0, 0, :-1] == 1).all()
        assert cares[32, 32, -1] == 0
        assert 40 < (gaps == NO_MOTH).sum() < 60  # a disc of 16 px


def test_by_catch_says_nothing_of_a_species_about_which_the_photo_is_silent():
    _, cares = flies(is_gappy=False, silent=frozenset({HELIAR}))
    assert cares[32, 32, HELIAR] == 0


def test_the_loss_prefers_the_truth_eagerly_and_inside_a_graph():
    targets, cares = (tf.constant(array[None, :, :, :-1]) for array in target_maps(liner(2, 6), 64, 3))
    right, wrong = tf.clip_by_value(targets, 0.01, 0.99), tf.fill(targets.shape, 0.5)
    assert focal_loss(right, targets, cares) < focal_loss(wrong, targets, cares)
    in_graph = tf.function(focal_loss)(wrong, targets, cares)
    assert float(in_graph) == pytest.approx(float(focal_loss(wrong, targets, cares)), rel=1e-5)


def loss_of_a_find(heat: float, gap: float, *, target: float = 0.0) -> float:
    """The loss of one cell that answers `heat` where no moth is marked."""
    shape = (1, 1, 1, 1)
    wanted, care = np.full(shape, target, np.float32), np.ones(shape, np.float32)
    gaps = np.full(shape[:3], gap, np.float32)
    return float(focal_loss(np.full(shape, heat, np.float32), wanted, care, gaps, 0.8))


def test_sure_finds_are_forgiven_only_where_marks_may_be_missing():
    told_off = loss_of_a_find(0.7, gap=0.0)
    assert loss_of_a_find(0.7, gap=1.0) == pytest.approx(0.2 * told_off)
    assert loss_of_a_find(0.7, gap=NO_MOTH) == pytest.approx(told_off)


def test_doubtful_finds_and_those_beside_a_mark_are_not_forgiven():
    assert loss_of_a_find(0.3, gap=1.0) == pytest.approx(loss_of_a_find(0.3, gap=0.0))
    assert loss_of_a_find(0.7, gap=1.0, target=0.3) == pytest.approx(loss_of_a_find(0.7, gap=0.0, target=0.3))


def test_a_student_that_answers_like_its_teacher_has_nothing_to_learn():
    answer = tf.constant(np.random.default_rng(0).uniform(0.01, 0.99, (2, 8, 8, 4)).astype(np.float32))
    assert float(taught_loss(answer, answer)) == 0
    off_by_little, off_by_much = (float(taught_loss(answer * factor, answer)) for factor in (0.9, 0.5))
    assert 0 < off_by_little < off_by_much


def test_features_say_most_where_the_teacher_sees_moths():
    features = tf.random.stateless_normal((1, 8, 8, 6), (1, 2))
    answers = np.zeros((1, 8, 8, 4), np.float32)
    answers[0, 2, 2, GNORAB] = 1
    assert float(feature_loss(features, features, answers)) == 0

    def off_at(row: int) -> float:
        found = features.numpy().copy()
        found[0, row, row] += 1
        return float(feature_loss(found, features, answers))

    assert off_at(2) == pytest.approx(9 * off_at(5))


def test_a_student_takes_over_its_teachers_answers():
    tf.keras.utils.set_random_seed(1)
    photos = [liner(seed, 4) for seed in range(3)]
    sure, student = build_counter(TINY), build_counter(TINY)
    sure.get_layer("head_heat").bias.assign([-1.0, -1.0, -1.0, 0.0])
    teacher = Teacher(sure)
    (crops,) = (batch.images for batch in batches(photos, 1, 9, None, SETTINGS))

    def distance() -> float:
        wanted = teacher.lesson(crops).answers
        return float(np.abs(student(crops, training=False) - wanted)[..., :-1].mean())

    before = distance()
    lessons = [batch._replace(cares=0 * batch.cares) for batch in batches(photos, 40, 1, None, SETTINGS, (), teacher)]
    learn(student, lessons, 40, 0, replace(SETTINGS, mean_decay=0.0, warm_up_steps=4, peak_rate=0.05), teacher)
    assert distance() < before / 2


SETTINGS = Settings(batch=2, place_every_steps=0, paste_share=0.0, litter_share=0.0)


def test_no_teacher_calls_a_fly_a_moth():
    photo = replace(liner(3, 4), points=(), by_catch=liner(3, 4).points)

    class SeesMothsEverywhere(Teacher):
        def lesson(self, plain):
            return Lesson(np.full((2, GRID, GRID, 4), 0.7, np.float32), np.zeros((2, GRID, GRID, 1), np.float32))

    (batch,) = batches([photo], 1, 1, None, SETTINGS, teacher=SeesMothsEverywhere(build_counter(TINY)))
    on_flies = batch.gappy == NO_MOTH
    assert on_flies.any()
    assert batch.taught[on_flies].max() == 0
    assert batch.taught[~on_flies].min() == pytest.approx(0.7)


def test_an_unplaced_count_is_neither_moth_nor_background():
    photo = replace(liner(3, 0), counts=(2, 0, 0), usual_px=24.0)
    (batch,) = batches([photo], 1, 1, None, SETTINGS)
    assert batch.cares[..., GNORAB].max() == 0
    assert batch.cares[..., HELIAR].min() == 1


ONE_THREAD = """
import hashlib
import tensorflow as tf
from tests.unit.vision.pictures import liner
from tests.unit.vision.test_train import SETTINGS
from tests.unit.vision.tiny import TINY
from pestwatch.vision.model import build_counter
from pestwatch.vision.train import batches, fit, learn

photos = [liner(seed, 4) for seed in range(3)]

def digest(teach):
    tf.keras.utils.set_random_seed(1)
    model = build_counter(TINY)
    teach(model)
    print(hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest())

digest(lambda model: fit(model, photos, 5, 1, 0, settings=SETTINGS))
digest(lambda model: fit(model, photos, 5, 1, 0, settings=SETTINGS))
stored = list(batches(photos, 5, 1, None, SETTINGS))
digest(lambda model: learn(model, stored, 5, 0, SETTINGS))
digest(lambda model: fit(model, photos, 5, 2, 0, settings=SETTINGS))
"""


def test_the_same_seed_gives_the_same_network_to_the_bit_also_from_stored_batches():
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    ran = subprocess.run(
        [sys.executable, "-c", ONE_THREAD], env=os.environ | threads, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    first, again, stored, other_seed = ran.stdout.split()
    assert first == again
    assert stored == first
    assert other_seed != first


def test_a_head_learns_eight_drawn_photos_by_heart_and_leaves_the_encoder_as_it_was(tmp_path):
    shape = FAMILY["small"]
    model = load_float(shape, current_base() / "small.weights.npz")
    before = {layer.name: [np.array(weight) for weight in layer.get_weights()] for layer in model.layers}
    photos = [liner(seed, 5 + seed) for seed in range(8)]
    untaught = counting_errors(model, photos)
    told: list[int] = []
    as_they_are = Distances((1.0, 1.0), (1.0, 1.0), 0.0)
    settings = Settings(
        batch=4, peak_rate=4e-3, warm_up_steps=5, distances=as_they_are, place_every_steps=0, mean_decay=0.0
    )
    fit(model, photos, 40, 1, progress=lambda step, _: told.append(step), settings=settings)
    assert told == [10, 20, 30, 40]
    assert counting_errors(model, photos) <= min(0.1, untaught)
    for layer in model.layers:
        kept = all(np.array_equal(old, new) for old, new in zip(before[layer.name], layer.get_weights(), strict=True))
        assert kept != (layer in head_layers(model)), layer.name

    save_float(model, tmp_path / "small.weights.npz")
    again = heat_of(load_float(shape, tmp_path / "small.weights.npz"), photos[0].image)
    assert np.abs(again.astype(int) - heat_of(model, photos[0].image)).max() <= 3


def counting_errors(model, photos: list[Example]) -> float:
    counted = [[len(find_peaks(heat_of(model, photo.image)[:, :, [GNORAB]], [90])), 0, 0] for photo in photos]
    return measure(LABELS, photos, counted).per_species["GNORAB"].wape


class Answering:
    """A stand-in for a network: it answers with the heat that it is given."""

    def __init__(self, heat: np.ndarray) -> None:
        self.heat = heat

    def __call__(self, _: np.ndarray, *, training: bool) -> np.ndarray:
        return self.heat[None]


def test_counted_moths_take_the_strongest_free_peaks():
    heat = np.zeros((32, 32, 4), np.float32)
    for row, column, value in [(4, 4, 0.9), (4, 20, 0.5), (20, 4, 0.3), (20, 20, 0.2)]:
        heat[row, column, HELIAR] = value
    known = Point(20.0, 20.0, HELIAR, 40.0)  # the strongest peak is this one
    photo = Example(np.zeros((128, 128, 3), np.uint8), (known,), counts=(0, 3, 0))
    placed = place_counted(Answering(heat), photo, 40.0)
    assert placed.points[0] == known
    assert [(point.x_px, point.y_px) for point in placed.points[1:]] == [(82.0, 18.0), (18.0, 82.0)]


def test_places_are_found_at_the_counting_size_and_told_in_the_photos_own_pixels():
    heat = np.zeros((64, 64, 4), np.float32)
    heat[10, 30, HELIAR] = 0.9
    photo = Example(np.zeros((512, 512, 3), np.uint8), counts=(0, 1, 0), usual_px=2.0 * MOTH_PX[HELIAR])
    (point,) = place_counted(Answering(heat), photo, 80.0).points
    assert (point.x_px, point.y_px, point.length_px) == (244.0, 84.0, 80.0)


def test_never_more_moths_are_placed_than_were_counted():
    heat = np.random.default_rng(0).random((32, 32, 4)).astype(np.float32)
    photo = Example(np.zeros((128, 128, 3), np.uint8), counts=(2, 0, 1))
    assert place_counted(Answering(heat), photo, 8.0).counts == (2, 0, 1)
    assert sorted(point.species for point in place_counted(Answering(heat), photo, 8.0).points) == [0, 0, 2]
