"""The photo gate's network: a photo shrunk to 160 px in, one score per reason out.

The first blocks of MobileNetV2 at a quarter of their width, then a window over everything that is left, by channel, in the place of
a mean: the phone's engine needs no other operator for it than the counters do.
"""

from typing import Any

import keras

from pestwatch.vision.encoder import FULL, build_encoder, load_imagenet_weights
from pestwatch.vision.gate import GATE_SIDE_PX, REASONS
from pestwatch.vision.model import build_counter
from pestwatch.vision.narrow import narrow_encoder
from pestwatch.vision.shape import Block, Shape

# Numbers are those of MobileNetV2's blocks: what is left out, a photo at 160 px does not need. The first block shrinks already,
# for channels at 80 x 80 cost more time than all the rest.
SHAPE = Shape(
    "gate",
    stem=8,
    blocks=(Block(1, 0, 16, 2), Block(2, 32, 24, 1), Block(4, 64, 32, 2), Block(5, 64, 32, 1), Block(7, 80, 40, 2)),
    head=64,
    tile_px=GATE_SIDE_PX,
)
# Every score starts at 0.12: most photos are good.
SCORE_BIAS = -2.0


def build_gate(*, batch: int | None = None) -> Any:
    """Builds the network with random weights.

    Args:
      batch: fixed for export; None leaves it open for training.

    Returns:
      keras.Model: (b, 160, 160, 3) float32 in [-1, 1] -> (b, 1, 1, r) float32 in [0, 1], in the order of REASONS.
    """
    image = keras.Input((SHAPE.tile_px, SHAPE.tile_px, 3), batch_size=batch, name="image")
    _, _, coarse = build_encoder(image, SHAPE)  # (b, 10, 10, 40)
    flow = keras.layers.ZeroPadding2D(1, name="gate_pad")(coarse)
    flow = keras.layers.DepthwiseConv2D(3, 2, name="gate_shrink")(flow)  # (b, 5, 5, 40)
    flow = keras.layers.Conv2D(SHAPE.head, 1, name="gate_widen")(flow)
    flow = keras.layers.ReLU(6.0, name="gate_widen_relu")(flow)
    mean = keras.initializers.Constant(1 / 25)
    flow = keras.layers.DepthwiseConv2D(5, depthwise_initializer=mean, name="gate_everywhere")(flow)  # (b, 1, 1, 64)
    flow = keras.layers.ReLU(6.0, name="gate_everywhere_relu")(flow)
    scores = keras.layers.Conv2D(
        len(REASONS),
        1,
        activation="sigmoid",
        bias_initializer=keras.initializers.Constant(SCORE_BIAS),
        name="gate_scores",
    )(flow)
    return keras.Model(image, scores, name=SHAPE.name)


def with_imagenet(model: Any) -> None:
    """Fills the blocks with the strongest channels that ImageNet taught.

    Raises:
      FileNotFoundError: the weights package is not installed.
    """
    wide = build_counter(FULL)
    load_imagenet_weights(wide)
    narrow_encoder(wide, FULL, model, SHAPE)
