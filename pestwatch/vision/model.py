"""The counting network: a photo tile in, one map of moth centres per species and one of moth lengths out.

A MobileNetV2 encoder and a light pyramid head at stride 4; how wide, a Shape says. Each head layer is one
kernel and one bias, without batch norm, so that a region can retrain the head and only those
bytes of the phone's file change. The lengths are how the counter finds a photo's scale by itself (look.py).

Source: ADR 0007 (centre maps rather than boxes or densities).
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.encoder import build_encoder
from pestwatch.vision.shape import Shape

# Every cell starts at p = 0.018: with a neutral start the first steps would only unlearn moths.
HEAT_BIAS = -4.0
# The last channel tells a moth's length: 0 is 6 px, 1 is 96 px, on a logarithmic scale.
SHORTEST_PX = 6.0
LENGTH_OCTAVES = 4.0
OUTPUTS = len(PHOTO_COUNTED) + 1


def build_counter(shape: Shape, side_px: int | None = None) -> Any:
    """Builds the network with random weights.

    Args:
      shape: its widths.
      side_px: fixed input side for export, a multiple of 16; None leaves it open for training.

    Returns:
      keras.Model: (b, h, w, 3) float32 in [-1, 1] -> (b, h/4, w/4, s + 1) float32 in [0, 1]: the heat of every species
      in the order of PHOTO_COUNTED, then the length of the moth whose centre lies there (length_code).
    """
    # A file for phones takes one tile at a time; a batch axis left open would stop some runtimes.
    image = keras.Input((side_px, side_px, 3), batch_size=None if side_px is None else 1, name="image")
    fine, middle, coarse = build_encoder(image, shape)
    width = shape.head
    flow = _lateral(coarse, 16, width)  # (b, h/16, w/16, head)
    flow = _doubled(flow, 8)
    flow = keras.layers.Add(name="join_8")([_lateral(middle, 8, width), flow])
    flow = _smooth(flow, "head_smooth_8", width)
    flow = _doubled(flow, 4)
    flow = keras.layers.Add(name="join_4")([_lateral(fine, 4, width), flow])
    flow = _smooth(flow, "head_smooth_4", width)
    flow = _smooth(flow, "head_context_4", width)
    heat = keras.layers.Conv2D(
        OUTPUTS,
        1,
        activation="sigmoid",
        bias_initializer=keras.initializers.Constant([HEAT_BIAS] * len(PHOTO_COUNTED) + [0.0]),
        name="head_heat",
    )(flow)  # (b, h/4, w/4, s + 1)
    return keras.Model(image, heat, name=shape.name)


def length_code(length_px: Any) -> Any:
    """Lengths in pixels of the tile -> [0, 1], what the last channel learns to answer."""
    return np.clip(np.log2(np.asarray(length_px) / SHORTEST_PX) / LENGTH_OCTAVES, 0, 1)


def _lateral(features: Any, stride_px: int, width: int) -> Any:
    return keras.layers.Conv2D(width, 1, name=f"head_lateral_{stride_px}")(features)


def _doubled(flow: Any, stride_px: int) -> Any:
    # Bilinear, because it becomes one RESIZE_BILINEAR that XNNPACK runs; Keras' nearest becomes
    # TILE version 3, which older phones' runtimes lack.
    return keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"double_to_{stride_px}")(flow)


def _smooth(flow: Any, name: str, width: int) -> Any:
    flow = keras.layers.DepthwiseConv2D(3, padding="same", name=f"{name}_depthwise")(flow)
    flow = keras.layers.Conv2D(width, 1, name=f"{name}_pointwise")(flow)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(flow)


def head_layers(model: Any) -> list[Any]:
    """The layers that a region retrains, from entry to exit."""
    return [layer for layer in model.layers if layer.name.startswith("head_") and layer.weights]


def freeze_encoder(model: Any, below: int | None = None) -> None:
    """Holds the encoder still, its batch norm statistics included.

    Args:
      model: as of build_counter.
      below: only blocks with smaller numbers; all of them when None, none when 0.
    """
    for layer in model.layers:
        if layer.name.startswith("encoder_"):
            layer.trainable = below is not None and int(layer.name.split("_")[1]) >= below


def weights_path(work: Path, name: str) -> Path:
    """Where a network's float weights lie in a work folder."""
    return work / f"{name}.weights.npz"


def save_float(model: Any, path: Path) -> None:
    """Writes every weight as float16, one array per layer and place."""
    arrays = {
        f"{layer.name}/{place}": np.asarray(value, np.float16)
        for layer in model.layers
        for place, value in enumerate(layer.get_weights())
    }
    np.savez_compressed(path, **arrays)


def load_float(shape: Shape, path: Path) -> Any:
    """Builds the network with the float weights of a file: where a region starts from.

    Args:
      shape: the widths that the file was written with.
      path: as of save_float.

    Returns:
      keras.Model as of build_counter.
    """
    model = build_counter(shape)
    with np.load(path, allow_pickle=False) as arrays:
        for layer in model.layers:
            places = range(len(layer.weights))
            layer.set_weights([arrays[f"{layer.name}/{place}"].astype(np.float32) for place in places])
    return model


def with_side(model: Any, shape: Shape, side_px: int) -> Any:
    """The same weights in a network of fixed input side: resizing has its output size baked into the file."""
    fixed = build_counter(shape, side_px)
    fixed.set_weights(model.get_weights())
    return fixed


def normalise(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Bytes -> [-1, 1] exactly as the int8 file does it: scale 1/127.5, zero point 127."""
    return (pixels.astype(np.float32) - 127.0) / np.float32(127.5)
