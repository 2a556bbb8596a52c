from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from pestwatch.cli import current_base
from pestwatch.vision.dataset import GNORAB, HELIAR, Example, Point
from pestwatch.vision.evaluate import measure
from pestwatch.vision.model import build_counter, freeze_encoder, head_layers, load_float, save_float
from pestwatch.vision.peaks import find_peaks
from pestwatch.vision.recipe import Settings
from pestwatch.vision.train import fit, focal_loss, heat_of, place_counted, target_maps

from .pictures import liner

LABELS = ("GNORAB", "HELIAR", "NOCTUID_LARGE")


@pytest.fixture(scope="module")
def model():
    tf.keras.utils.set_random_seed(3)
    return build_counter()


def test_the_network_maps_a_tile_to_stride_four(model):
    assert model.compute_output_shape((2, 256, 320, 3)) == (2, 64, 80, 3)
    assert model.count_params() < 300_000


def test_every_cell_starts_near_zero(model):
    assert heat_of(model, liner(1, 5).image).max() < 30


def test_head_layers_are_one_kernel_and_one_bias_each(model):
    assert [len(layer.weights) for layer in head_layers(model)] == [2] * len(head_layers(model))
    assert head_layers(model)[-1].name == "head_heat"


def test_a_target_is_exactly_one_on_the_centre():
    targets, cares = target_maps(liner(2, 6), 64, 3)
    assert (targets[:, :, GNORAB] == 1).sum() == 6
    assert cares.min() == 1
    peaks = find_peaks((targets * 255).astype(np.uint8), [255, 255, 255])
    assert len(peaks) == 6


def test_a_silent_species_has_no_say():
    _, cares = target_maps(replace(liner(2, 6), silent=frozenset({HELIAR})), 64, 3)
    assert cares[:, :, HELIAR].max() == 0
    assert cares[:, :, GNORAB].min() == 1


def test_the_loss_prefers_the_truth_eagerly_and_inside_a_graph():
    targets, cares = (tf.constant(array[None]) for array in target_maps(liner(2, 6), 64, 3))
    right, wrong = tf.clip_by_value(targets, 0.01, 0.99), tf.fill(targets.shape, 0.5)
    assert focal_loss(right, targets, cares) < focal_loss(wrong, targets, cares)
    in_graph = tf.function(focal_loss)(wrong, targets, cares)
    assert float(in_graph) == pytest.approx(float(focal_loss(wrong, targets, cares)), rel=1e-5)


def test_a_head_learns_eight_drawn_photos_by_heart_and_leaves_the_encoder_as_it_was(tmp_path):
    model = load_float(current_base())
    before = {layer.name: [np.array(weight) for weight in layer.get_weights()] for layer in model.layers}
    photos = [liner(seed, 5 + seed, length_px=40.0) for seed in range(8)]
    untaught = counting_errors(model, photos)
    told: list[int] = []
    settings = Settings(batch=4, peak_rate=4e-3, warm_up_steps=5, scale=(1.0, 1.0), place_every_steps=0)
    fit(model, photos, 40, 1, "head", progress=lambda step, _: told.append(step), settings=settings)
    assert told == [10, 20, 30, 40]
    assert counting_errors(model, photos) < min(0.1, untaught)
    for layer in model.layers:
        kept = all(np.array_equal(old, new) for old, new in zip(before[layer.name], layer.get_weights(), strict=True))
        assert kept != (layer in head_layers(model)), layer.name

    save_float(model, tmp_path / "small.weights.npz")
    again = heat_of(load_float(tmp_path), photos[0].image)
    assert np.abs(again.astype(int) - heat_of(model, photos[0].image)).max() <= 3


def counting_errors(model, photos: list[Example]) -> float:
    counted = [[len(find_peaks(heat_of(model, photo.image)[:, :, [GNORAB]], [90])), 0, 0] for photo in photos]
    return measure(LABELS, photos, counted).per_species["GNORAB"].wape


def test_freezing_the_encoder_can_be_undone():
    model = build_counter()
    everything = len(model.trainable_weights)
    freeze_encoder(model)
    assert len(model.trainable_weights) == 2 * len(head_layers(model))
    freeze_encoder(model, frozen=False)
    assert len(model.trainable_weights) == everything


class Answering:
    """A stand-in for a network: it answers with the heat that it is given."""

    def __init__(self, heat: np.ndarray) -> None:
        self.heat = heat

    def __call__(self, _: np.ndarray, *, training: bool) -> np.ndarray:
        return self.heat[None]


def test_counted_moths_take_the_strongest_free_peaks():
    heat = np.zeros((32, 32, 3), np.float32)
    for row, column, value in [(4, 4, 0.9), (4, 20, 0.5), (20, 4, 0.3), (20, 20, 0.2)]:
        heat[row, column, HELIAR] = value
    known = Point(20.0, 20.0, HELIAR, 40.0)  # the strongest peak is this one
    photo = Example(np.zeros((128, 128, 3), np.uint8), (known,), counts=(0, 3, 0))
    placed = place_counted(Answering(heat), photo, 40.0)
    assert placed.points[0] == known
    assert [(point.x_px, point.y_px) for point in placed.points[1:]] == [(82.0, 18.0), (18.0, 82.0)]


def test_never_more_moths_are_placed_than_were_counted():
    heat = np.random.default_rng(0).random((32, 32, 3)).astype(np.float32)
    photo = Example(np.zeros((128, 128, 3), np.uint8), counts=(2, 0, 1))
    assert place_counted(Answering(heat), photo, 8.0).counts == (2, 0, 1)
    assert sorted(point.species for point in place_counted(Answering(heat), photo, 8.0).points) == [0, 0, 2]
