import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from pestwatch.vision import quantize as quantizing
from pestwatch.vision.model import build_counter, head_layers
from pestwatch.vision.quantize import calibration_tiles, quantize
from pestwatch.vision.slim import slim
from pestwatch.vision.transplant import head_weights, transplant

from .pictures import liner
from .tiny import TINY

TILES = calibration_tiles([liner(seed, 6) for seed in range(3)], 6, TINY.tile_px)


@pytest.fixture(scope="module")
def network():
    tf.keras.utils.set_random_seed(4)
    model = build_counter(TINY)
    for layer in head_layers(model):  # the converter stores equal biases once, and those of a new network are all 0
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, np.random.default_rng(len(layer.name)).normal(bias, 0.1).astype(np.float32)])
    return model


@pytest.fixture(scope="module")
def raw(network):
    """The file as the converter makes it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(quantizing, "slim", lambda content: content)
        return quantize(network, TINY, TILES)


def answer(content: bytes, tile: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tile[None])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_a_slim_file_computes_the_same_bytes_in_fewer(raw):
    slimmed = slim(raw)
    assert len(slimmed) < 0.8 * len(raw)
    for tile in TILES:
        assert np.array_equal(answer(slimmed, tile), answer(raw, tile))


def test_slimming_again_finds_nothing_more(raw):
    assert slim(slim(raw)) == slim(raw)


def test_the_head_can_still_be_exchanged_in_a_slim_file(raw, network):
    slimmed, head = slim(raw), head_weights(network)
    assert set(head) == {layer.name for layer in head_layers(network)}
    assert transplant(slimmed, head) == slimmed
    kernel, bias = head["head_heat"]
    assert transplant(slimmed, head | {"head_heat": (kernel, bias + 1)}) != slimmed
