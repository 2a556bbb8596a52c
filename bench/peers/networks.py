"""The peers' networks: the counter's own encoder, with the head of a box detector or of a count regression.

Source: Liu et al. 2016, arXiv 1512.02325 (anchors at several strides); Lin et al. 2017, arXiv 1612.03144 (features of the
coarse stride joined to the finer one, as in the "SSD MobileNetV2 FPNLite" of phones).
"""

import math
from typing import Any

import keras

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.encoder import build_encoder
from pestwatch.vision.shape import Shape

from .boxes import LEVELS

SPECIES = len(PHOTO_COUNTED)
DETECTOR_TILE_PX = 512
REGRESSION_TILE_PX = 480
HEAD = 64
REGRESSION_HEAD = 128
# Every anchor starts at p = 0.01, as focal loss wants it.
SCORE_BIAS = -math.log(99)


def build_detector(shape: Shape, side_px: int | None = None) -> Any:
    """An SSD-like detector of square boxes.

    Args:
      shape: of the encoder; its head is not used.
      side_px: fixed input side for export, None for training.

    Returns:
      keras.Model: (b, h, w, 3) float32 in [-1, 1] -> per level of LEVELS scores (b, h/t, w/t, a * s) in [0, 1] and boxes
      (b, h/t, w/t, a * 3), for t its stride and a its anchors.
    """
    image, middle, coarse = _encoded(shape, side_px)
    coarse = keras.layers.Conv2D(HEAD, 1, name="head_lateral_16")(coarse)
    doubled = keras.layers.UpSampling2D(2, interpolation="bilinear", name="double_to_8")(coarse)
    middle = keras.layers.Add(name="join_8")([keras.layers.Conv2D(HEAD, 1, name="head_lateral_8")(middle), doubled])
    outputs = []
    for level, flow in zip(LEVELS, (middle, coarse), strict=True):
        name = f"head_{level.stride_px}"
        smooth = _smooth(_smooth(flow, f"{name}_smooth_1"), f"{name}_smooth_2")
        anchors = len(level.lengths_px)
        start = keras.initializers.Constant(SCORE_BIAS)
        scores = keras.layers.Conv2D(
            anchors * SPECIES, 1, activation="sigmoid", bias_initializer=start, name=f"{name}_scores"
        )
        outputs += [scores(smooth), keras.layers.Conv2D(anchors * 3, 1, name=f"{name}_boxes")(smooth)]
    return keras.Model(image, outputs, name="detector")


def build_regression(shape: Shape, side_px: int | None = None) -> Any:
    """Global pooling and one number per species.

    Args:
      shape: of the encoder; its head is not used.
      side_px: fixed input side for export, None for training.

    Returns:
      keras.Model: (b, h, w, 3) float32 in [-1, 1] -> (b, s) float32, insects per REGRESSION_TILE_PX squared, in units of
      compare.COUNT_UNIT. The mean over cells makes it the same number for any side, so that it can learn from smaller crops.
    """
    image, _, coarse = _encoded(shape, side_px)
    flow = keras.layers.Conv2D(REGRESSION_HEAD, 1, name="head_widen")(coarse)
    flow = keras.layers.ReLU(6.0, name="head_widen_relu")(flow)
    flow = _smooth(flow, "head_smooth", REGRESSION_HEAD)
    flow = keras.layers.GlobalAveragePooling2D(name="pool")(flow)
    return keras.Model(image, keras.layers.Dense(SPECIES, name="head_counts")(flow), name="regression")


def _encoded(shape: Shape, side_px: int | None) -> tuple[Any, Any, Any]:
    image = keras.Input((side_px, side_px, 3), batch_size=None if side_px is None else 1, name="image")
    _, middle, coarse = build_encoder(image, shape)
    return image, middle, coarse


def _smooth(flow: Any, name: str, width: int = HEAD) -> Any:
    flow = keras.layers.DepthwiseConv2D(3, padding="same", name=f"{name}_depthwise")(flow)
    flow = keras.layers.Conv2D(width, 1, name=f"{name}_pointwise")(flow)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(flow)
