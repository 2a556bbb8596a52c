"""The light and the sharpness of a photo, measured in whole numbers and held against limits.

Darkness, burnt paper and a picture without any detail need no network: arithmetic finds them, and it can be read
(gate.py joins both).

Twin: field/src/count/light.ts, held by tests/golden/preprocess.json.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

# Luma at and beyond which a pixel holds no detail.
BLACK_LUMA = 4
WHITE_LUMA = 251


@dataclass(frozen=True)
class Light:
    """What is measured of a photo.

    Args:
      mean_luma: floor of the mean, 0-255.
      clipped: pixels without detail: luma <= 4 or >= 251.
      pixels: all pixels.
      blur_variance: floor of the mean squared 4-neighbour Laplacian of the inner pixels (its mean is near 0).
    """

    mean_luma: int
    clipped: int
    pixels: int
    blur_variance: int


@dataclass(frozen=True)
class Limits:
    """The "limits" of gate.json: beyond a limit a photo is doubtful, far beyond it is rejected.

    Far means: half the mean luma (or half the distance to white), twice the clipped share, a quarter of the
    blur variance.
    """

    dark_mean_luma: int = 50
    bright_mean_luma: int = 240
    clipped_share: float = 0.5
    blur_variance: int = 8
    min_side_px: int = 96

    @classmethod
    def from_sidecar(cls, limits: Mapping[str, float]) -> Self:
        """Reads the limits of a sidecar."""
        return cls(**{name: limits[name] for name in asdict(cls())})  # type: ignore[arg-type]  # numbers of JSON


def luma(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """(h, w, 3) uint8 RGB -> (h, w) int32 in 0-255: (77 R + 150 G + 29 B) >> 8."""
    red, green, blue = (image[:, :, channel].astype(np.int32) for channel in range(3))
    grey: npt.NDArray[np.int32] = (77 * red + 150 * green + 29 * blue) >> 8
    return grey


def measure_light(image: npt.NDArray[np.uint8]) -> Light:
    """Measures a (h, w, 3) uint8 RGB picture of at least 3 by 3 pixels."""
    grey = luma(image)
    centre = grey[1:-1, 1:-1]
    laplacian = 4 * centre - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    squares = int(np.sum(laplacian.astype(np.int64) ** 2))
    return Light(
        mean_luma=int(grey.sum(dtype=np.int64)) // grey.size,
        clipped=int(np.count_nonzero((grey <= BLACK_LUMA) | (grey >= WHITE_LUMA))),
        pixels=grey.size,
        blur_variance=squares // laplacian.size if laplacian.size else 0,
    )
