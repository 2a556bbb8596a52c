import pytest
import tensorflow as tf

from pestwatch.vision.micronet import Operations, operations, score
from pestwatch.vision.model import OUTPUTS, build_counter
from pestwatch.vision.quantize import calibration_tiles, quantize
from pestwatch.vision.shape import FAMILY, cost

from .pictures import liner


@pytest.fixture(scope="module")
def nano() -> bytes:
    tf.keras.utils.set_random_seed(3)
    shape = FAMILY["nano"]
    return quantize(build_counter(shape), shape, calibration_tiles([liner(1, 5)], 4, shape.tile_px))


def test_the_reference_itself_scores_two_halves_of_one():
    # 6.9 million parameters of 32 bits and 1170 million operations of 32 bits.
    reference = Operations(6_900_000 * 32, 0, 585_000_000, 585_000_000, 32)
    assert score(reference) == (1.0, 1.0)
    assert score(reference).total == 2.0


def test_eight_bits_count_a_quarter_but_not_in_the_adder_unless_asked():
    cost_of_8_bits = Operations(0, 0, 1_170_000_000, 1_170_000_000, 8)
    assert score(cost_of_8_bits).arithmetic == 1.25
    assert score(cost_of_8_bits, adder_bits=8).arithmetic == 0.5


def test_the_file_holds_as_many_multiply_accumulates_as_its_shape_promises(nano):
    assert operations(nano).macs == cost(FAMILY["nano"], OUTPUTS).macs


def test_the_file_stores_its_weights_at_8_bits_and_its_biases_at_32(nano):
    found, weights = operations(nano), cost(FAMILY["nano"], OUTPUTS).weights
    assert found.operand_bits == 8
    # Scales and zero points come on top.
    assert 8 * weights < found.parameter_bits < 8 * len(nano)


def test_an_operator_of_unknown_cost_is_refused():
    model = tf.keras.Sequential([tf.keras.Input((8,), batch_size=1), tf.keras.layers.Softmax()])
    with pytest.raises(ValueError, match="SOFTMAX"):
        operations(bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert()))
