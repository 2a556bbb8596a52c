"""The counting network: a photo tile in, one map of moth centres per species out.

A MobileNetV2 encoder and a light pyramid head at stride 4, about 265 thousand weights. Each head layer is one
kernel and one bias, without batch norm, so that a region can retrain the head and only those
bytes of the phone's file change.

Source: ADR 0007 (centre maps rather than boxes or densities).
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.encoder import build_encoder

HEAD_CHANNELS = 48
WEIGHTS_NAME = "small.weights.npz"
# Every cell starts at p = 0.018: with a neutral start the first steps would only unlearn moths.
HEAT_BIAS = -4.0


def build_counter(side_px: int | None = None) -> Any:
    """Builds the network with random weights.

    Args:
      side_px: fixed input side for export, a multiple of 16; None leaves it open for training.

    Returns:
      keras.Model: (b, h, w, 3) float32 in [-1, 1] -> (b, h/4, w/4, s) float32 in [0, 1], species
      in the order of PHOTO_COUNTED.
    """
    # A file for phones takes one tile at a time; a batch axis left open would stop some runtimes.
    image = keras.Input((side_px, side_px, 3), batch_size=None if side_px is None else 1, name="image")
    fine, middle, coarse = build_encoder(image)
    flow = _lateral(coarse, 16)  # (b, h/16, w/16, 48)
    flow = _doubled(flow, 8)
    flow = keras.layers.Add(name="join_8")([_lateral(middle, 8), flow])
    flow = _smooth(flow, "head_smooth_8")
    flow = _doubled(flow, 4)
    flow = keras.layers.Add(name="join_4")([_lateral(fine, 4), flow])
    flow = _smooth(flow, "head_smooth_4")
    flow = _smooth(flow, "head_context_4")
    heat = keras.layers.Conv2D(
        len(PHOTO_COUNTED),
        1,
        activation="sigmoid",
        bias_initializer=keras.initializers.Constant(HEAT_BIAS),
        name="head_heat",
    )(flow)  # (b, h/4, w/4, s)
    return keras.Model(image, heat, name="counter")


def _lateral(features: Any, stride_px: int) -> Any:
    return keras.layers.Conv2D(HEAD_CHANNELS, 1, name=f"head_lateral_{stride_px}")(features)


def _doubled(flow: Any, stride_px: int) -> Any:
    # Bilinear, because it becomes one RESIZE_BILINEAR that XNNPACK runs; Keras' nearest becomes
    # TILE version 3, which older phones' runtimes lack.
    return keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"double_to_{stride_px}")(flow)


def _smooth(flow: Any, name: str) -> Any:
    flow = keras.layers.DepthwiseConv2D(3, padding="same", name=f"{name}_depthwise")(flow)
    flow = keras.layers.Conv2D(HEAD_CHANNELS, 1, name=f"{name}_pointwise")(flow)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(flow)


def head_layers(model: Any) -> list[Any]:
    """The layers that a region retrains, from entry to exit."""
    return [layer for layer in model.layers if layer.name.startswith("head_") and layer.weights]


def freeze_encoder(model: Any, *, frozen: bool = True) -> None:
    """Holds the encoder still, its batch norm statistics included."""
    for layer in model.layers:
        if layer.name.startswith("encoder_"):
            layer.trainable = not frozen


def save_float(model: Any, path: Path) -> None:
    """Writes every weight as float16, one array per layer and place."""
    arrays = {
        f"{layer.name}/{place}": np.asarray(value, np.float16)
        for layer in model.layers
        for place, value in enumerate(layer.get_weights())
    }
    np.savez_compressed(path, **arrays)


def load_float(release_dir: Path, side_px: int | None = None) -> Any:
    """Builds the network with the float weights of a release: where a region starts from.

    Returns:
      keras.Model as of build_counter.
    """
    model = build_counter(side_px)
    with np.load(release_dir / WEIGHTS_NAME, allow_pickle=False) as arrays:
        for layer in model.layers:
            places = range(len(layer.weights))
            layer.set_weights([arrays[f"{layer.name}/{place}"].astype(np.float32) for place in places])
    return model


def with_side(model: Any, side_px: int) -> Any:
    """The same weights in a network of fixed input side: resizing has its output size baked into the file."""
    fixed = build_counter(side_px)
    fixed.set_weights(model.get_weights())
    return fixed


def normalise(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Bytes -> [-1, 1] exactly as the int8 file does it: scale 1/127.5, zero point 127."""
    return (pixels.astype(np.float32) - 127.0) / np.float32(127.5)
