"""The float network behind a released int8 file, counting by the same rule: what rounding to int8 costs, in counts."""

from pathlib import Path
from typing import Any

import numpy as np

from pestwatch.vision.infer import Counter, HeatMap, UInt8Image
from pestwatch.vision.model import load_float, normalise, weights_path
from pestwatch.vision.shape import FAMILY


class FloatCounter(Counter):
    """A released counter whose tiles go through its float weights.

    Args:
      folder: of the release or the work; holds <size>.tflite, .json and .weights.npz.
      size: of the family.
    """

    def __init__(self, folder: Path, size: str) -> None:
        released = Counter.from_release(folder, size=size)
        self.__dict__.update(released.__dict__)
        self._network = load_float(FAMILY[size], weights_path(folder, size))

    def heat(self, tile: UInt8Image) -> HeatMap:
        """As Counter.heat, without the rounding inside the network."""
        answer: Any = np.asarray(self._network(normalise(tile)[None], training=False)[0])
        heat: HeatMap = np.minimum(answer * 256 + 0.5, 255).astype(np.uint8)
        return heat
