"""Counts with the stored peers, and their rows beside the counter's.

A peer is told the scale: every photo comes to it at a size that the lengths of its labels tell, and for the detector the species
as well. The counter has to find that by itself, so this favours the peers.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.shelf import recount_file
from pestwatch.vision.dataset import GNORAB, HELIAR, Example, at_counting_size, at_ratio
from pestwatch.vision.evaluate import measure
from pestwatch.vision.micronet import operations, score
from pestwatch.vision.preprocess import OUTSIDE, owned, tiles
from pestwatch.vision.recipe import measuring_sets
from pestwatch.vision.recount import read_recount

from .boxes import Box, anchors, decoded, suppressed

HERE = Path(__file__).parent
SPECIES = len(PHOTO_COUNTED)
NAMES = {"detector": "SSD-like box detector", "regression": "count regression"}
# Sets of measuring_sets and the species that is measured there; None where no moth is and every count is wrong.
MEASURED = {
    "val": GNORAB,
    "val_boxes": GNORAB,
    "test_trap": GNORAB,
    "test_trap_boxes": GNORAB,
    "funnel_val": HELIAR,
    "by_catch": None,
}
# The scores below which a box is never counted; thresholds are picked from here on.
LEAST_Q = 26
OVERLAP_PX = 64
# So long is the usual insect where the regression counts it: a whole frame of the funnel must fit into a crop of its training.
REGRESSION_MOTH_PX = 22.0
# Insects that an answer of 1 of the regression means: answers stay as small as the features that they are made of, and learn as fast.
COUNT_UNIT = 50
UInt8Image = npt.NDArray[np.uint8]
Looked = list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], tuple[float, ...], tuple[float, ...]]]
"""Per tile: scores (n, s) in 1/256, squares (n, 3) in pixels, and the part of the tile that is its own, across and down."""


class Row(NamedTuple):
    """One peer on one set of photos.

    Args:
      peer: its name.
      photos: name of the set.
      mae: mean absolute error, insects per photo.
      wape: sum of absolute errors / sum of true counts.
      bias: mean of counted - true, insects.
      r2: 1 - squared error / variance of the true counts.
      bytes: of the file.
      macs: multiply-accumulates of one tile.
      micronet: MicroNet score of one tile.
    """

    peer: str
    photos: str
    mae: float
    wape: float | None
    bias: float
    r2: float | None
    bytes: int
    macs: int
    micronet: float


class Detector:
    """The stored box detector."""

    def __init__(self, content: bytes, settings: Mapping[str, Any]) -> None:
        self._run = _Network(content)
        self._tile_px = self._run.side_px
        self._grid = anchors(self._tile_px)
        self.threshold_q: Sequence[int] = settings["threshold_q"]
        self.most_overlap: int = settings["most_overlap"]

    def looked(self, example: Example) -> Looked:
        """What the network answers, tile by tile, before any suppression."""
        image = at_counting_size(example)
        height, width, _ = image.shape
        return [
            (
                *self._answers(tile.pixels),
                tuple(edge - tile.x_px for edge in owned(width, tile.x_px, self._tile_px, OVERLAP_PX)),
                tuple(edge - tile.y_px for edge in owned(height, tile.y_px, self._tile_px, OVERLAP_PX)),
            )
            for tile in tiles(image, self._tile_px, OVERLAP_PX)
        ]

    def boxes(self, looked: Looked, most_overlap: int) -> list[Box]:
        """Every box from LEAST_Q on, in pixels of its tile; of neighbouring tiles each keeps its own part."""
        return [
            box
            for scores, squares, (left, right), (top, bottom) in looked
            for box in suppressed(scores, squares, LEAST_Q, most_overlap)
            if left <= (box.x1 + box.x2) / 2 < right and top <= (box.y1 + box.y2) / 2 < bottom
        ]

    def count(self, example: Example) -> list[int]:
        """Insects per species."""
        found = self.boxes(self.looked(example), self.most_overlap)
        return [
            sum(box.species == species and box.value >= least for box in found)
            for species, least in enumerate(self.threshold_q)
        ]

    def _answers(self, tile: UInt8Image) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Scores (n, s) in 1/256 and squares (n, 3) in pixels, in the order of anchors: the fine stride first."""
        answers = sorted(self._run(tile), key=lambda answer: -answer.raw.shape[1])
        scores = [answer for answer in answers if answer.is_score]
        boxes = [answer for answer in answers if not answer.is_score]
        return (
            np.concatenate([answer.raw.reshape(-1, SPECIES) for answer in scores]),
            decoded(np.concatenate([answer.values().reshape(-1, 3) for answer in boxes]), self._grid),
        )


class Regression:
    """The stored count regression."""

    def __init__(self, content: bytes, settings: Mapping[str, Any]) -> None:
        self._run = _Network(content)
        self.gain: Sequence[float] = settings["gain"]

    def raw(self, example: Example) -> npt.NDArray[np.float64]:
        """(s,) insects before the gain: the sum over squares side by side; what lies outside the photo is grey."""
        image, side_px = at_ratio(example, regression_ratio(example)), self._run.side_px
        total = np.zeros(SPECIES)
        for top in range(0, image.shape[0], side_px):
            for left in range(0, image.shape[1], side_px):
                inside = image[top : top + side_px, left : left + side_px]
                square = np.full((side_px, side_px, 3), OUTSIDE, np.uint8)
                square[: inside.shape[0], : inside.shape[1]] = inside
                (answer,) = self._run(square)
                total += np.maximum(answer.values()[0], 0) * COUNT_UNIT
        return total

    def count(self, example: Example) -> list[int]:
        """Insects per species."""
        return [round(float(number)) for number in self.raw(example) * self.gain]


class _Answer(NamedTuple):
    raw: npt.NDArray[np.uint8]
    scale: float
    zero_point: int

    @property
    def is_score(self) -> bool:
        """A sigmoid's scale is always 1/256 from 0."""
        return self.scale == 1 / 256 and self.zero_point == 0

    def values(self) -> npt.NDArray[np.float32]:
        return (self.raw.astype(np.float32) - self.zero_point) * np.float32(self.scale)


class _Network:
    """An int8 file with uint8 edges."""

    def __init__(self, content: bytes) -> None:
        self._interpreter = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        (entry,) = self._interpreter.get_input_details()
        self._input: int = entry["index"]
        self._outputs = self._interpreter.get_output_details()
        self.side_px: int = int(entry["shape"][1])

    def __call__(self, tile: UInt8Image) -> list[_Answer]:
        self._interpreter.set_tensor(self._input, tile[None])
        self._interpreter.invoke()
        return [
            _Answer(self._interpreter.get_tensor(output["index"]), *output["quantization"]) for output in self._outputs
        ]


def regression_ratio(example: Example) -> float:
    """How much larger a photo is when its usual insect is REGRESSION_MOTH_PX long, whatever its species."""
    return REGRESSION_MOTH_PX / (example.scale_px or REGRESSION_MOTH_PX)


def opened(folder: Path = HERE) -> dict[str, Detector | Regression]:
    """The stored peers, by name."""
    return {
        name: kind((folder / f"{name}.tflite").read_bytes(), json.loads((folder / f"{name}.json").read_text("utf-8")))
        for name, kind in (("detector", Detector), ("regression", Regression))
    }


def peers(photos: Path) -> list[Row]:
    """Measures the stored peers on photos that took no part in their training.

    Args:
      photos: folder of the photo sets.

    Returns:
      Per peer: funnel_val, by_catch, and val and test_trap against the recount and against the boxes as published.
    """
    readings = read_recount(recount_file())
    return [row for name, peer in opened().items() for row in _rows(name, peer, measuring_sets(photos, readings))]


def _rows(name: str, peer: Detector | Regression, sets: Mapping[str, Sequence[Example]]) -> Iterator[Row]:
    content = (HERE / f"{name}.tflite").read_bytes()
    cost = operations(content)
    size = (len(content), cost.macs, score(cost).total)
    for set_name, species in MEASURED.items():
        examples = sets[set_name]
        counted = [peer.count(example) for example in examples]
        if species is None:
            false = float(np.mean([sum(counts) for counts in counted]))
            yield Row(NAMES[name], set_name, false, None, false, None, *size)
        else:
            found = measure(PHOTO_COUNTED, examples, counted).per_species[PHOTO_COUNTED[species]]
            yield Row(NAMES[name], set_name, found.mae, found.wape, found.bias, found.r2, *size)
