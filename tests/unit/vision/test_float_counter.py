import numpy as np
import pytest
import tensorflow as tf

from pestwatch.vision.float_counter import FloatCounter
from pestwatch.vision.infer import Counter
from pestwatch.vision.light import Limits
from pestwatch.vision.model import build_counter, save_float
from pestwatch.vision.quantize import calibration_tiles, quantize
from pestwatch.vision.shape import FAMILY
from pestwatch.vision.sidecar import make_sidecar, sidecar_bytes
from pestwatch.vision.train import heat_of

from .pictures import liner
from .tiny import TINY

TILES = calibration_tiles([liner(seed, 6) for seed in range(3)], 6, TINY.tile_px)


@pytest.fixture(scope="module")
def network():
    tf.keras.utils.set_random_seed(4)
    return build_counter(TINY)


@pytest.fixture
def folder(network, tmp_path, monkeypatch):
    """A release of a tiny network under the name of nano."""
    monkeypatch.setitem(FAMILY, "nano", TINY)
    model = quantize(network, TINY, TILES)
    (tmp_path / "nano.tflite").write_bytes(model)
    thresholds = [(100, 0), (110, 0), (120, 0)]
    sidecar = make_sidecar("base-20260101-1", model, TINY, thresholds, (128, 175, 155), Limits())
    (tmp_path / "nano.json").write_bytes(sidecar_bytes(sidecar))
    save_float(network, tmp_path / "nano.weights.npz")
    return tmp_path


def test_a_float_counter_answers_like_the_float_network_and_counts_like_the_released_one(folder, network):
    exact, released = FloatCounter(folder, "nano"), Counter.from_release(folder, size="nano")
    assert (exact.threshold_q, exact.tile_px, exact.version) == (released.threshold_q, TINY.tile_px, released.version)
    for tile in TILES:
        by_float, by_int8 = exact.heat(tile).astype(int), released.heat(tile).astype(int)
        assert by_float.shape == by_int8.shape == (16, 16, 4)
        # float16 on disk and rounding instead of cutting: one level.
        assert np.abs(by_float - heat_of(network, tile)).max() <= 1
        assert 0 < np.abs(by_float - by_int8).max() < 32
