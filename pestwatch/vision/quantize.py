"""Float network to the phone's file: full int8, uint8 in and out, fixed input side.

Promises: the same weights and the same calibration tiles give the same bytes, given one version of TensorFlow.
A region calibrates with the base's tiles, in the base's order, else every activation scale moves and the
phone's update grows from 14 kB to 34 kB (measured).
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from pestwatch.errors import Problem
from pestwatch.vision.augment import relit
from pestwatch.vision.dataset import Example, at_counting_size
from pestwatch.vision.model import normalise, with_side
from pestwatch.vision.preprocess import OUTSIDE
from pestwatch.vision.shape import Shape
from pestwatch.vision.slim import slim

CALIBRATION_SEED = 20261125
LEAST_TIE_DISTANCE = 1e-4
"""In 256ths: ten times what was found to divide XNNPACK's table from the true one."""
UInt8Image = npt.NDArray[np.uint8]


def calibration_tiles(examples: Sequence[Example], count: int, tile_px: int) -> list[UInt8Image]:
    """Makes the fixed list of tiles that sets the activation scales.

    Each tile is a mosaic of up to four photos at the size where they are counted, every second one in another light, as
    phones will send them.

    Args:
      examples: training photos; the order matters.
      count: tiles to make.
      tile_px: side of a tile.

    Returns:
      (t, t, 3) uint8 tiles; the same for the same input, however often it is called.
    """
    rng = np.random.default_rng(CALIBRATION_SEED)
    half = tile_px // 2
    mosaics = []
    for number in range(count):
        tile = np.full((tile_px, tile_px, 3), OUTSIDE, np.uint8)
        for row, column in np.ndindex(2, 2):
            image = at_counting_size(examples[int(rng.integers(len(examples)))])
            top, left = (int(rng.integers(max(0, side - half) + 1)) for side in image.shape[:2])
            patch = image[top : top + half, left : left + half]
            tile[row * half : row * half + patch.shape[0], column * half : column * half + patch.shape[1]] = patch
        mosaics.append(relit(tile, rng) if number % 2 else tile)
    # Black and white once, whatever the photos hold: the input's scale must be that of bytes, 1/127.5.
    mosaics[0][0, :2] = ((0, 0, 0), (255, 255, 255))
    return mosaics


def quantize(model: Any, shape: Shape, calibration: Sequence[UInt8Image]) -> bytes:
    """Converts a float network.

    Args:
      model: keras.Model as of build_counter.
      shape: its widths and its tile.
      calibration: (t, t, 3) uint8 tiles, in a fixed order.

    Returns:
      A .tflite file without metadata: (1, t, t, 3) uint8 RGB -> (1, t / 4, t / 4, s + 1) uint8, scale 1/256.
    """
    return to_int8(with_side(model, shape, shape.tile_px), calibration)


def to_int8(fixed: Any, calibration: Sequence[UInt8Image]) -> bytes:
    """Converts a network of fixed input side whose answers are sigmoids.

    Args:
      fixed: keras.Model: (1, t, t, 3) float32 in [-1, 1] -> float32 in [0, 1].
      calibration: (t, t, 3) uint8 tiles, in a fixed order; black and white must be among their pixels.

    Returns:
      A .tflite file without metadata, uint8 in and out, output scale 1/256.

    Raises:
      Problem 422.20: as refuse_ties.
    """

    def representative() -> Iterator[list[npt.NDArray[np.float32]]]:
        for tile in calibration:
            yield [normalise(tile)[None]]

    converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    with warnings.catch_warnings():
        # The converter asks for statistics of the input; the representative tiles are where it gets them.
        warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
        content = slim(bytes(converter.convert()))
    refuse_ties(content)
    return content


def refuse_ties(content: bytes) -> None:
    """Refuses a file in which two exact runtimes may round a heat value differently.

    XNNPACK makes its table of the sigmoid in float32: where a true value lies within 1e-5 of a half, the last bit is an
    accident, and the phone's engine refuses such a file (field/engine/arithmetic.ts).

    Raises:
      Problem 422.20: a value lies on a tie; other calibration tiles move it.
    """
    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        if max(code.deprecatedBuiltinCode, code.builtinCode) != schema.BuiltinOperator.LOGISTIC:
            continue
        logits = graph.tensors[operator.inputs[0]].quantization
        if tie_distance(float(logits.scale[0]), int(logits.zeroPoint[0])) < LEAST_TIE_DISTANCE:
            detail = "a heat value lies on a rounding tie; choose another number of calibration_tiles"
            raise Problem("422.20", name="small.tflite", detail=detail)


def tie_distance(scale: float, zero_point: int) -> float:
    """How near the nearest of the 256 sigmoid values, in 256ths, comes to a half; saturated ones do not matter.

    Args:
      scale: of the logits.
      zero_point: of the logits.
    """
    values = 256 / (1 + np.exp(-np.float64(scale) * (np.arange(-128, 128) - zero_point)))
    return float(np.abs(values[values < 255.4] % 1 - 0.5).min())
