"""How well a .tflite counts: the same figures for every model, always from the exported file.

Every figure comes through the full picture rule, as a phone counts; a photo that the gate rejects counts
as zero insects.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pestwatch.vision.dataset import Example, at_counting_size
from pestwatch.vision.gate import PhotoGate
from pestwatch.vision.infer import Counter
from pestwatch.vision.interval import quantile, score
from pestwatch.vision.look import Seen, middle_code
from pestwatch.vision.preprocess import Sizes
from pestwatch.vision.threshold import photo_threshold

# Thresholds tried, in 1/256.
LOWEST_THRESHOLD_Q = 56
HIGHEST_THRESHOLD_Q = 192
THRESHOLD_STEP_Q = 4
# Shares tried, in 1/256; 0 keeps to the usual threshold on every photo.
SHARES_Q = (0, *range(110, 220, 10))


@dataclass(frozen=True)
class SpeciesMetrics:
    """Counting errors of one species over photos that say something about it.

    Args:
      mae: mean absolute error per photo, insects.
      wape: sum of absolute errors / sum of true counts; None without insects.
      bias: mean of counted - true, insects.
      r2: 1 - squared error / variance of the true counts; None when they do not vary.
      insects: true insects in all.
      n: photos.
    """

    mae: float
    wape: float | None
    bias: float
    r2: float | None
    insects: int
    n: int


@dataclass(frozen=True)
class Metrics:
    """Errors over all photos and species together, and per species."""

    mae: float
    wape: float | None
    bias: float
    n: int
    per_species: Mapping[str, SpeciesMetrics]

    def to_json(self) -> dict[str, Any]:
        """A JSON object, figures rounded to four decimals."""

        def rounded(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {key: rounded(inner) for key, inner in value.items()}
            return round(value, 4) if isinstance(value, float) else value

        figures: dict[str, Any] = rounded(asdict(self))
        return figures


def evaluate(
    model: Path | bytes, sidecar: Mapping[str, Any], examples: Sequence[Example], gate: PhotoGate | None = None
) -> Metrics:
    """Counts every example with a released model and compares.

    Args:
      model: the .tflite or its bytes.
      sidecar: its sidecar.
      examples: photos with their truth; at least one.
      gate: of the release; without it photos are judged by their light alone.
    """
    counter = Counter(model, sidecar, gate=gate)
    counted = [tuple(counter.count_image(example.image).counts.values()) for example in examples]
    return measure(counter.labels, examples, counted)


def measure(labels: Sequence[str], examples: Sequence[Example], counted: Sequence[Sequence[int]]) -> Metrics:
    """Compares counts with the truth.

    Args:
      labels: species keys.
      examples: photos with their truth.
      counted: counts per example and species, in label order.
    """
    per_species, errors_of_all, insects_of_all = {}, [], 0
    for species, label in enumerate(labels):
        known = [place for place, example in enumerate(examples) if species not in example.silent]
        if not known:
            continue
        true = np.array([examples[place].true_counts[species] for place in known], np.float64)
        errors = np.array([counted[place][species] for place in known], np.float64) - true
        per_species[label] = _species_metrics(true, errors)
        errors_of_all.append(errors)
        insects_of_all += int(true.sum())
    everything = np.concatenate(errors_of_all)
    return Metrics(
        mae=float(np.abs(everything).mean()),
        wape=float(np.abs(everything).sum() / insects_of_all) if insects_of_all else None,
        bias=float(everything.mean()),
        n=len(examples),
        per_species=per_species,
    )


def _species_metrics(true: npt.NDArray[np.float64], errors: npt.NDArray[np.float64]) -> SpeciesMetrics:
    insects, spread = int(true.sum()), float(((true - true.mean()) ** 2).sum())
    return SpeciesMetrics(
        mae=float(np.abs(errors).mean()),
        wape=float(np.abs(errors).sum() / insects) if insects else None,
        bias=float(errors.mean()),
        r2=1 - float((errors**2).sum()) / spread if spread else None,
        insects=insects,
        n=len(true),
    )


def scores_q(model: Path | bytes, sidecar: Mapping[str, Any], examples: Sequence[Example]) -> list[list[list[int]]]:
    """The heat of every peak, per example and species, in 1/256: what any threshold would count."""
    counter = Counter(model, sidecar)
    found = []
    for example in examples:
        seen = counter.look(Sizes(example.image)).seen
        found.append([[m.value for m in seen if m.species == species] for species in range(len(counter.labels))])
    return found


def measure_lengths(model: Path | bytes, sidecar: Mapping[str, Any], photos: Sequence[Example]) -> tuple[int, ...]:
    """What the network answers about the length of moths as long as they are counted at.

    Args:
      model: the .tflite or its bytes.
      sidecar: its sidecar; thresholds and codes in it do not matter.
      photos: of the training, whose scale is known; each species is measured on those where it is the only one.

    Returns:
      The code per species, in label order; 128 for one that none shows.
    """
    counter = Counter(model, sidecar)
    codes = []
    for species in range(len(counter.labels)):
        seen: list[Seen] = []
        for example in photos:
            if example.true_counts[species] and example.true_counts[species] == sum(example.true_counts):
                found = counter.see(at_counting_size(example))
                seen += [moth for moth in found if moth.species == species]
        codes.append(middle_code(seen) or 128)
    return tuple(codes)


def pick_thresholds(
    model: Path | bytes, sidecar: Mapping[str, Any], photos: Sequence[Sequence[Example]]
) -> tuple[tuple[int, int], ...]:
    """Picks every species' threshold on the exported file.

    Args:
      model: the .tflite or its bytes.
      sidecar: its sidecar; the thresholds in it do not matter.
      photos: per species, in label order, those to pick on.

    Returns:
      Per species as of pick_threshold.
    """
    thresholds = []
    for species, examples in enumerate(photos):
        found = [per_species[species] for per_species in scores_q(model, sidecar, examples)]
        thresholds.append(pick_threshold([example.true_counts[species] for example in examples], found))
    return tuple(thresholds)


def pick_threshold(true: Sequence[int], scores: Sequence[Sequence[int]]) -> tuple[int, int]:
    """Picks the threshold of one species: least absolute error.

    Among pairs within 2 % of the best the middle usual threshold is taken: the edge of a plateau does not carry over to
    the next phone.

    Args:
      true: insects per photo.
      scores: heat of the peaks per photo, in 1/256.

    Returns:
      The usual threshold, and the share of a photo's sure moths that it follows, both in 1/256.
    """
    ordered = [sorted(found) for found in scores]
    errors = {}
    for usual in range(LOWEST_THRESHOLD_Q, HIGHEST_THRESHOLD_Q + 1, THRESHOLD_STEP_Q):
        for share in SHARES_Q:
            counted = (len(found) - bisect_left(found, photo_threshold(found, usual, share)) for found in ordered)
            errors[usual, share] = sum(abs(count - wanted) for count, wanted in zip(counted, true, strict=True))
    limit = min(errors.values()) * 1.02
    plateau = sorted(pair for pair, error in errors.items() if error <= limit)
    return plateau[len(plateau) // 2]


def calibrate(
    model: Path | bytes, sidecar: Mapping[str, Any], photos: Sequence[Sequence[Example]]
) -> list[float | None]:
    """Sets the interval of every species on the exported file.

    Args:
      model: the .tflite or its bytes.
      sidecar: its sidecar, thresholds included.
      photos: per species, in label order; none leaves the species without an interval.

    Returns:
      Per species, for the sidecar.
    """
    counter = Counter(model, sidecar)
    found = []
    for species, examples in enumerate(photos):
        pairs = [
            (example.true_counts[species], counter.count_image(example.image).counts[counter.labels[species]])
            for example in examples
        ]
        shots = [example.taken_at or example.source or str(place) for place, example in enumerate(examples)]
        found.append(quantile([score(true, counted) for true, counted in pairs], shots))
    return found
