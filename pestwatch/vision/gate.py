"""Is this photo worth counting? Judged by its light, in integers, and by a tiny network that sees the whole photo at 160 px.

A rejected photo is not counted; a doubtful one is counted and marked. Neither keeps a person from entering a count: the
reason comes with an instruction that leads to a better photo (field/src/screens/result.ts).

Twin: field/src/count/gate.ts, held by tests/golden/gate.json.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from pestwatch.vision.engine import Engine, open_network
from pestwatch.vision.light import Light, Limits, measure_light
from pestwatch.vision.preprocess import Sizes, tiles

Verdict = Literal["good", "doubtful", "rejected"]
Reason = Literal["not_a_trap", "too_dark", "too_bright", "too_blurred", "too_far", "cut_off", "saturated"]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""In the order of the network's scores."""
OF_A_TRAP: frozenset[Reason] = frozenset({"too_far", "cut_off", "saturated"})
"""What only a trap can be: where one of these applies, "not a trap" does not."""

# Light is judged at one size, whatever the phone's resolution, a small photo as it is, for enlarging blurs; the network has its
# own size.
LIGHT_SIDE_PX = 512
GATE_SIDE_PX = 160
NEVER_Q = 256
"""A score that no photo reaches: such a reason is never given, or never rejects."""


@dataclass(frozen=True)
class Gate:
    """The verdict on one photo, and why when it is not good."""

    verdict: Verdict
    reason: Reason | None


def light_of(sizes: Sizes) -> Light:
    """Measures the light of a photo."""
    return measure_light(sizes.at(min(LIGHT_SIDE_PX, sizes.long_px)))


def judge_light(light: Light, limits: Limits) -> Gate:
    """Judges a photo by its light; the first reason that applies is named, the rejecting ones first."""
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


def judge_scores(scores_q: Sequence[int], threshold_q: Sequence[int], reject_q: Sequence[int]) -> Gate:
    """Judges a photo by what the network says; of several reasons that apply the one with the greatest score is named.

    A trap far away or cut off leaves much of the photo to other things: such a reason outranks that there is no trap, and the
    photo is counted and marked.

    Args:
      scores_q: 0-255 per reason.
      threshold_q: from here on a photo is doubtful.
      reject_q: from here on it is rejected; a reason that never rejects has 256.
    """
    shows_trap = any(scores_q[REASONS.index(reason)] >= threshold_q[REASONS.index(reason)] for reason in OF_A_TRAP)
    for verdict, limits in (("rejected", reject_q), ("doubtful", threshold_q)):
        reached = [
            place
            for place, limit in enumerate(limits)
            if scores_q[place] >= limit and not (shows_trap and REASONS[place] == "not_a_trap")
        ]
        if reached:
            return Gate(verdict, REASONS[max(reached, key=lambda place: scores_q[place])])  # type: ignore[arg-type]  # a Verdict
    return Gate("good", None)


def worse(light: Gate, seen: Gate) -> Gate:
    """What the light says and what the network says as one verdict; of two alike the light's."""
    return light if light.verdict == "rejected" or seen.verdict in ("good", light.verdict) else seen


def gate_tile(sizes: Sizes) -> npt.NDArray[np.uint8]:
    """The whole photo as the network sees it: (160, 160, 3) uint8, 128 grey right of it or below."""
    return next(tiles(sizes.at(GATE_SIDE_PX), GATE_SIDE_PX, 0)).pixels


class PhotoGate:
    """A released gate, ready to judge; not for use by two threads at once.

    Args:
      model: the .tflite file or its bytes.
      sidecar: the parsed gate.json beside it.
      engine: what runs the network.
    """

    def __init__(self, model: Path | bytes, sidecar: Mapping[str, Any], engine: Engine = "litert") -> None:
        content = model if isinstance(model, bytes) else model.read_bytes()
        self.version: str = sidecar["version"]
        self.threshold_q: tuple[int, ...] = tuple(sidecar["threshold_q"])
        self.reject_q: tuple[int, ...] = tuple(sidecar["reject_q"])
        self.limits = Limits.from_sidecar(sidecar["limits"])
        self._run = open_network(content, engine)

    @classmethod
    def from_release(cls, release_dir: Path, engine: Engine = "litert") -> "PhotoGate | None":
        """Opens gate.tflite and gate.json of a release folder; None where there are none, as in a region's."""
        if not (release_dir / "gate.json").exists():
            return None
        sidecar = json.loads((release_dir / "gate.json").read_text(encoding="utf-8"))
        return cls(release_dir / "gate.tflite", sidecar, engine)

    def scores_q(self, tile: npt.NDArray[np.uint8]) -> tuple[int, ...]:
        """Runs the network on a tile of gate_tile -> one score per reason, 0-255, in 256ths."""
        return tuple(int(score) for score in self._run(tile)[0, 0])

    def judge(self, sizes: Sizes) -> Gate:
        """Judges a photo: rejected by either, else doubtful by either; the light has the first word."""
        light = judge_light(light_of(sizes), self.limits)
        if light.verdict == "rejected":
            return light
        return worse(light, judge_scores(self.scores_q(gate_tile(sizes)), self.threshold_q, self.reject_q))
