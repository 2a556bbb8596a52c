"""Is this photo worth counting? Judged by its light and sharpness, in integers.

A rejected photo is not counted; a doubtful one is counted and marked. Not judged here: whether the picture
shows a trap at all. A person sees the marks on the photo and can correct the count.

Twin: field/src/count/gate.ts, held by tests/golden/preprocess.json.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

Verdict = Literal["good", "doubtful", "rejected"]
Reason = Literal["too_dark", "too_bright", "too_blurred", "too_small"]

# Luma at and beyond which a pixel holds no detail.
BLACK_LUMA = 4
WHITE_LUMA = 251


@dataclass(frozen=True)
class Light:
    """What the gate looks at, of the shrunk photo.

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
    """The sidecar's "gate" section: beyond a limit a photo is doubtful, far beyond it is rejected.

    Far means: half the mean luma (or half the distance to white), twice the clipped share, a quarter of the
    blur variance.
    """

    dark_mean_luma: int = 50
    bright_mean_luma: int = 240
    clipped_share: float = 0.5
    blur_variance: int = 8
    min_side_px: int = 96

    @classmethod
    def from_sidecar(cls, gate: Mapping[str, float]) -> Self:
        """Reads the "gate" section of a sidecar."""
        return cls(**{name: gate[name] for name in asdict(cls())})  # type: ignore[arg-type]  # numbers of JSON


@dataclass(frozen=True)
class Gate:
    """The verdict on one photo, and why when it is not good."""

    verdict: Verdict
    reason: Reason | None


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


def judge(light: Light, limits: Limits) -> Gate:
    """Judges a photo; the first reason that applies is named, the rejecting ones first."""
    from_white, limit_from_white = 255 - light.mean_luma, 255 - limits.bright_mean_luma
    clipped_limit = limits.clipped_share * light.pixels
    if 2 * light.mean_luma < limits.dark_mean_luma:
        return Gate("rejected", "too_dark")
    if 2 * from_white < limit_from_white or light.clipped > 2 * clipped_limit:
        return Gate("rejected", "too_bright")
    if 4 * light.blur_variance < limits.blur_variance:
        return Gate("rejected", "too_blurred")
    if light.mean_luma < limits.dark_mean_luma:
        return Gate("doubtful", "too_dark")
    if from_white < limit_from_white or light.clipped > clipped_limit:
        return Gate("doubtful", "too_bright")
    if light.blur_variance < limits.blur_variance:
        return Gate("doubtful", "too_blurred")
    return Gate("good", None)
