import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from pestwatch.vision.model import OUTPUTS, build_counter
from pestwatch.vision.shape import FAMILY, STEP, Compound, cost, scaled

from .tiny import TINY

# Bytes of an exported file per weight, scales and operators included; as measured by bench/search.py.
BYTES_PER_WEIGHT = 1.44


def test_small_keeps_within_the_phones_limits():
    took = cost(FAMILY["small"], OUTPUTS, 512)
    assert took.macs <= 400e6
    assert took.weights * BYTES_PER_WEIGHT <= 250e3


def test_nano_keeps_within_the_limits_of_the_weakest_phones_at_its_own_tile():
    took = cost(FAMILY["nano"], OUTPUTS)
    assert took.macs <= 60e6
    assert took.peak_bytes <= 256e3
    assert took.weights * BYTES_PER_WEIGHT <= 100e3


def test_base_keeps_within_its_bytes():
    assert cost(FAMILY["base"], OUTPUTS).weights * BYTES_PER_WEIGHT <= 450e3


def test_phi_zero_is_the_beginning_of_mobilenet_v2():
    base = FAMILY["base"]
    assert (base.stem, base.head, base.taps) == (32, 48, (3, 6, 10))
    assert [block.channels for block in base.blocks] == [16, 24, 24, 32, 32, 32, 64, 64, 64, 64]
    assert [block.expanded for block in base.blocks] == [0, 96, 144, 144, 192, 192, 192, 384, 384, 384]
    assert [block.stride for block in base.blocks] == [1, 2, 1, 2, 1, 1, 2, 1, 1, 1]


def test_every_step_down_narrows_everything_and_takes_a_block():
    for above, below in (("base", "small"), ("small", "nano")):
        wide, narrow = FAMILY[above], FAMILY[below]
        assert narrow.stem < wide.stem
        assert narrow.head < wide.head
        assert len(narrow.blocks) == len(wide.blocks) - STEP.blocks
        for large, small in zip(wide.blocks, narrow.blocks, strict=False):
            assert (small.number, small.stride) == (large.number, large.stride)
            assert small.channels <= large.channels  # rounding to eights may leave a thin layer as it is
            assert small.expanded < large.expanded or large.expanded == 0


def test_every_width_is_one_that_the_engine_works_on_eight_at_a_time():
    for phi in (0, -0.5, -1, -1.7, -2):
        shape = scaled("any", phi, STEP)
        widths = [
            shape.stem,
            shape.head,
            *(width for block in shape.blocks for width in (block.expanded, block.channels)),
        ]
        assert all(width % 8 == 0 for width in widths)


def test_a_step_that_leaves_everything_changes_nothing():
    unchanged = Compound(stream=1, fine=1, middle=1, coarse=1, head=1, blocks=0)
    assert scaled("base", -1, unchanged) == FAMILY["base"]


def test_a_larger_tile_takes_work_and_memory_but_no_weights():
    one, four = cost(TINY, OUTPUTS, 64), cost(TINY, OUTPUTS, 128)
    assert (four.weights, four.macs, four.peak_bytes) == (one.weights, 4 * one.macs, 4 * one.peak_bytes)


@pytest.mark.filterwarnings("ignore")
def test_the_cost_by_layers_is_that_of_the_exported_file():
    converter = tf.lite.TFLiteConverter.from_keras_model(build_counter(TINY, 64))
    graph = schema.ModelT.InitFromPackedBuf(bytes(converter.convert())).subgraphs[0]
    convolutions = [
        (operator.builtinOptions, [graph.tensors[place].shape for place in (*operator.inputs[1:], *operator.outputs)])
        for operator in graph.operators
        if isinstance(operator.builtinOptions, schema.Conv2DOptionsT | schema.DepthwiseConv2DOptionsT)
    ]
    weights = macs = 0
    for options, (kernel, bias, (_, height, width, channels)) in convolutions:
        is_depthwise = isinstance(options, schema.DepthwiseConv2DOptionsT)
        size = int(kernel.prod())
        weights += size + int(bias.prod())
        macs += height * width * (size if not is_depthwise else int(kernel[1] * kernel[2]) * channels)
    told = cost(TINY, OUTPUTS, 64)
    assert (told.weights, told.macs) == (weights, macs)
