"""The counting error of a network in training, at a glance.

On the float network, at the size that the labels tell, with the best threshold of its own: good for seeing whether it
still learns, too kind for a figure.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pestwatch.vision.dataset import Example, at_counting_size
from pestwatch.vision.peaks import find_peaks
from pestwatch.vision.train import heat_of

UInt8Image = npt.NDArray[np.uint8]
THRESHOLDS_Q = range(40, 184, 4)


class Judged(NamedTuple):
    """A photo at the size where it is counted, and its true count."""

    image: UInt8Image
    true: int


def judging_set(examples: Sequence[Example], species: int) -> list[Judged]:
    """Photos with the scale of their labels taken out.

    Args:
      examples: photos that take no part in training.
      species: which to count.
    """
    return [Judged(at_counting_size(example), example.true_counts[species]) for example in examples]


def glance(model: Any, judged: Sequence[Judged], species: int) -> float:
    """Sum of absolute errors / sum of true counts, at the threshold that is best for these photos.

    Args:
      model: as of build_counter.
      judged: photos with at least one insect among them.
      species: which to count.
    """
    true = np.array([photo.true for photo in judged])
    heats = [heat_of(model, photo.image)[:, :, [species]] for photo in judged]
    found = [np.array([peak.value for peak in find_peaks(heat, [THRESHOLDS_Q.start])]) for heat in heats]
    errors = [np.abs([(values >= least).sum() for values in found] - true).sum() for least in THRESHOLDS_Q]
    return float(min(errors) / true.sum())
