"""Reference counting on a .tflite file; the phone must match it.

Uses the bare LiteRT interpreter: no TensorFlow is loaded.

Twin: field/src/count/count-picture.ts, held by tests/golden/count.json.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pestwatch.errors import Problem
from pestwatch.vision.engine import Engine, open_network
from pestwatch.vision.gate import Gate, PhotoGate, judge_light, light_of
from pestwatch.vision.interval import interval
from pestwatch.vision.light import Limits
from pestwatch.vision.look import SEEN_Q, Looked, Seen, look
from pestwatch.vision.peaks import APART_CELLS, Placed, each_once, find_peaks
from pestwatch.vision.preprocess import Sizes, decode_photo, owned, tiles
from pestwatch.vision.sidecar import counted_by
from pestwatch.vision.threshold import photo_threshold

UInt8Image = npt.NDArray[np.uint8]
HeatMap = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Mark:
    """One counted insect: its centre as a fraction of the upright photo, and the heat there in [0, 1]."""

    x: float
    y: float
    species: str
    score: float


@dataclass(frozen=True)
class PhotoCount:
    """What one photo showed, in the shape that phone and server exchange."""

    counts: dict[str, int]
    marks: tuple[Mark, ...]
    gate: Gate
    model: str
    ms: int
    decoded_scale: float = 1.0
    intervals: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Least and greatest true count, for species whose error was measured."""
    looked: Looked | None = None
    """How the photo was looked at; no part of the protocol."""

    def to_json(self) -> dict[str, Any]:
        """The count result of the protocol."""
        return {
            "counts": self.counts,
            "marks": [
                {"x": round(m.x, 4), "y": round(m.y, 4), "species": m.species, "score": round(m.score, 3)}
                for m in self.marks
            ],
            "intervals": {label: list(span) for label, span in self.intervals.items()},
            "gate": {"verdict": self.gate.verdict, "reason": self.gate.reason},
            "model": self.model,
            "ms": self.ms,
            "decoded_scale": self.decoded_scale,
        }


class Counter:
    """A released model, ready to count; not for use by two threads at once.

    Args:
      model: the .tflite file or its bytes.
      sidecar: the parsed small.json beside it.
      threads: processors that one photo may use.
      gate: of the base release; without it photos are judged by their light alone.
      engine: what runs the network: LiteRT, or the phone's own kernels through wasmtime. Their bytes are the same.
    """

    def __init__(
        self,
        model: Path | bytes,
        sidecar: Mapping[str, Any],
        threads: int = 1,
        gate: PhotoGate | None = None,
        *,
        engine: Engine = "litert",
    ) -> None:
        content = model if isinstance(model, bytes) else model.read_bytes()
        self.version: str = sidecar["version"]
        self.size: str = sidecar["name"]
        self.name: str = counted_by(sidecar)
        self.labels: tuple[str, ...] = tuple(sidecar["labels"])
        self.threshold_q: tuple[int, ...] = tuple(sidecar["threshold_q"])
        self.moth_codes: tuple[int, ...] = tuple(sidecar["moth_codes"])
        self.share_q: tuple[int, ...] = tuple(sidecar["share_q"])
        self.stride_px: int = sidecar["stride"]
        self.tile_px: int = sidecar["tile_px"]
        self.overlap_px: int = sidecar["overlap_px"]
        self.limits = Limits.from_sidecar(sidecar["gate"])
        self.gate = gate
        self.interval_q90: tuple[float | None, ...] = tuple(sidecar.get("interval_q90", ()))
        self._run = open_network(content, engine, threads)

    @classmethod
    def from_release(
        cls, release_dir: Path, threads: int = 1, *, size: str = "small", engine: Engine = "litert"
    ) -> "Counter":
        """Opens one size of a release folder, such as small.tflite and small.json, and the gate if one lies beside it.

        Raises:
          Problem 404.1: the folder holds no such model.
        """
        try:
            sidecar = json.loads((release_dir / f"{size}.json").read_text(encoding="utf-8"))
            gate = PhotoGate.from_release(release_dir, engine)
            return cls(release_dir / f"{size}.tflite", sidecar, threads, gate, engine=engine)
        except FileNotFoundError as error:
            raise Problem("404.1", name=f"{release_dir}/{size}.tflite") from error

    def heat(self, tile: UInt8Image) -> HeatMap:
        """Runs the network on one (t, t, 3) uint8 tile -> (t / 4, t / 4, s + 1) uint8 in 256ths; last the lengths."""
        return self._run(tile)

    def count_image(self, image: UInt8Image) -> PhotoCount:
        """Counts an upright (h, w, 3) uint8 RGB picture by the picture rule; a rejected one has no marks."""
        started = time.perf_counter()
        sizes = Sizes(image)
        verdict = self.gate.judge(sizes) if self.gate else judge_light(light_of(sizes), self.limits)
        is_counted = verdict.verdict != "rejected"
        looked = self.look(sizes) if is_counted else None
        marks = self.marks(looked) if looked else ()
        counts = {label: sum(mark.species == label for mark in marks) for label in self.labels}
        elapsed_ms = round((time.perf_counter() - started) * 1000)
        intervals = self._intervals(counts) if is_counted else {}
        return PhotoCount(counts, marks, verdict, self.name, elapsed_ms, intervals=intervals, looked=looked)

    def look(self, sizes: Sizes) -> Looked:
        """Looks at a photo at the size where its moths are as long as the network wants them."""
        return look(sizes.long_px, self.moth_codes, lambda side_px: self.see(sizes.at(side_px)))

    def see(self, sized: UInt8Image) -> list[Seen]:
        """Everything that the network finds at one size, tile by tile, within a tile by species, row and column.

        Two tiles may put one moth a cell apart, on either side of their border: each tells a little beyond it. Moths that
        are found in this way alone come last.
        """
        height, width, _ = sized.shape
        faintest = [SEEN_Q] * len(self.labels)
        apart_px = APART_CELLS * self.stride_px
        own, beyond = [], []
        for tile in tiles(sized, self.tile_px, self.overlap_px):
            left, right = owned(width, tile.x_px, self.tile_px, self.overlap_px)
            top, bottom = owned(height, tile.y_px, self.tile_px, self.overlap_px)
            heat = self.heat(tile.pixels)
            for peak in find_peaks(heat[:, :, : len(self.labels)], faintest):
                x_px = peak.column * self.stride_px + self.stride_px // 2 + tile.x_px
                y_px = peak.row * self.stride_px + self.stride_px // 2 + tile.y_px
                code = int(heat[peak.row, peak.column, -1])
                placed = Placed(x_px, y_px, peak.species, peak.value, code)
                tells_x = left - apart_px <= x_px < min(right + apart_px, width)
                tells_y = top - apart_px <= y_px < min(bottom + apart_px, height)
                if left <= x_px < right and top <= y_px < bottom:
                    own.append(placed)
                elif tells_x and tells_y:
                    beyond.append(placed)
        return [
            Seen(moth.x_px / width, moth.y_px / height, moth.species, moth.value, moth.code)
            for moth in each_once(own, beyond, apart_px)
        ]

    def marks(self, looked: Looked) -> tuple[Mark, ...]:
        """What counts of what was seen."""
        least = [self._least(looked.seen, species) for species in range(len(self.labels))]
        return tuple(
            Mark(moth.x, moth.y, self.labels[moth.species], moth.value / 256)
            for moth in looked.seen
            if moth.value >= least[moth.species]
        )

    def _least(self, seen: Sequence[Seen], species: int) -> int:
        values = [moth.value for moth in seen if moth.species == species]
        return photo_threshold(values, self.threshold_q[species], self.share_q[species])

    def _intervals(self, counts: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        reaches = zip(self.labels, self.interval_q90, strict=False)  # an older sidecar has none
        return {label: interval(counts[label], q) for label, q in reaches if q is not None}


def count_photo(source: Path | bytes, counter: Counter, name: str | None = None) -> PhotoCount:
    """Counts one photo file.

    Args:
      source: the file, or its bytes.
      counter: the model.
      name: what to call the photo to a person; the file's name when None.

    Raises:
      Problem 422.1, 422.2, 422.3, 422.4: as decode_photo.
    """
    shown = name or (source.name if isinstance(source, Path) else "photo")
    return counter.count_image(decode_photo(source, shown))
