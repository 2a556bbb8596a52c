"""A wide network's weights in a narrower one: the channels that carry most are kept.

A narrow network that starts from chosen channels of a trained one keeps the features of ImageNet; from random weights
it would have to find them anew in a few hundred photos.

Source: Liu et al. 2017, arXiv 1708.06519 (batch norm's scale tells a channel's weight); Li et al. 2017, arXiv
1608.08710.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pestwatch.vision.shape import Shape

Indices = npt.NDArray[np.int64]


def narrow_encoder(wide: Any, wide_shape: Shape, narrow: Any, narrow_shape: Shape) -> None:
    """Fills the encoder of a network from a wider one of the same kind.

    Args:
      wide: keras.Model as of build_counter; it is not changed.
      wide_shape: its widths.
      narrow: the network to fill; its head is left as it is.
      narrow_shape: its widths, none greater.
    """
    stem = _strongest(_scale(wide, "encoder_0"), narrow_shape.stem)
    _copy(wide, narrow, "encoder_0", None, stem)
    stream, entry = stem, stem
    for place, block in enumerate(narrow_shape.blocks):
        name = f"encoder_{block.number}"
        inside = entry
        if block.expanded:
            carried = _scale(wide, f"{name}_filter") * _norm(wide, f"{name}_project", axis=2)
            inside = _strongest(carried, block.expanded)
            _copy(wide, narrow, f"{name}_expand", entry, inside)
        _copy(wide, narrow, f"{name}_filter", None, inside)
        starts_stream = block.stride == 2 or block.channels != len(stream) or place == 0
        if starts_stream:
            rest = _same_stream(wide_shape, block.number)
            strength = sum(_scale(wide, f"encoder_{number}_project") for number in rest)
            stream = _strongest(strength, block.channels)
        _copy(wide, narrow, f"{name}_project", inside, stream)
        entry = stream


def _same_stream(shape: Shape, number: int) -> list[int]:
    """The blocks whose outputs are added to one another, from this one on."""
    found = [number]
    for block in shape.blocks:
        if block.number > found[-1]:
            if block.stride != 1 or block.channels != shape.blocks[number - 1].channels:
                break
            found.append(block.number)
    return found


def _scale(model: Any, name: str) -> npt.NDArray[np.float32]:
    """Batch norm's scale of each output channel."""
    scale: npt.NDArray[np.float32] = np.abs(model.get_layer(f"{name}_norm").get_weights()[0])
    return scale


def _norm(model: Any, name: str, axis: int) -> npt.NDArray[np.float32]:
    kernel = model.get_layer(name).get_weights()[0]  # (h, w, in, out)
    found: npt.NDArray[np.float32] = np.abs(kernel).sum(tuple(other for other in range(4) if other != axis))
    return found


def _strongest(strength: Any, count: int) -> Indices:
    order = np.argsort(-np.asarray(strength), kind="stable")[:count]
    return np.sort(order)


def _copy(wide: Any, narrow: Any, name: str, entries: Indices | None, outputs: Indices) -> None:
    """One convolution and its batch norm; depthwise kernels and the stem have no choice of entries."""
    (kernel,) = wide.get_layer(name).get_weights()
    is_depthwise = name.endswith("_filter")
    if is_depthwise:
        kernel = kernel[:, :, outputs]
    else:
        kernel = kernel[:, :, :, outputs] if entries is None else kernel[:, :, entries][:, :, :, outputs]
    narrow.get_layer(name).set_weights([kernel])
    norm = wide.get_layer(f"{name}_norm").get_weights()
    narrow.get_layer(f"{name}_norm").set_weights([values[outputs] for values in norm])
