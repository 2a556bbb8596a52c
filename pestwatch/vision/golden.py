"""The drawn picture that a phone lets a new model count before it trusts it.

Chosen so that no moth is a close call for any size of the family: another phone's kernel moves the heat by a few levels,
and that must not change the count.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.dataset import Example
from pestwatch.vision.drawn import Scene, draw
from pestwatch.vision.evaluate import scores_q
from pestwatch.vision.gate import PhotoGate
from pestwatch.vision.preprocess import Sizes, decode_photo
from pestwatch.vision.threshold import photo_threshold

SCENE = Scene(448, 336, insects={"GNORAB": 12, "fly": 3}, debris=12, noise=0.0)
# Few colours: the picture travels with every release, and noise would make it larger than the model.
COLOURS = 16
SEEDS = range(110)
LEAST_COUNTED = 0.6


def draw_golden(models: Sequence[tuple[bytes, Mapping[str, Any]]], gate: PhotoGate | None = None) -> bytes:
    """Draws pictures until every model is sure what it counts on one: the phone has to come to the same numbers, right or wrong.

    Args:
      models: each .tflite with its sidecar.
      gate: of the same release; on a picture that it rejects a phone would count nothing.

    Returns:
      The PNG of the picture, among those tried, whose peaks stay farthest from the thresholds of the least sure model.
    """
    drawn = [_few_colours(draw(SCENE, seed)) for seed in SEEDS]
    shown = [(content, decode_photo(content, "golden.png")) for content in drawn]
    counted = [one for one in shown if gate is None or gate.judge(Sizes(one[1])).verdict != "rejected"]
    pictures, examples = [content for content, _ in counted], [Example(image) for _, image in counted]
    margins = [[_margin(scores, sidecar) for scores in scores_q(model, sidecar, examples)] for model, sidecar in models]
    least_sure = [min(of_picture) for of_picture in zip(*margins, strict=True)]
    return pictures[least_sure.index(max(least_sure))]


def _margin(scores: list[list[int]], sidecar: Mapping[str, Any]) -> int:
    """Least distance of any peak from its threshold, in 1/256; less than nothing when hardly anything is counted."""
    pairs = zip(scores, sidecar["threshold_q"], sidecar["share_q"], strict=True)
    limits = [photo_threshold(found, usual, share) for found, usual, share in pairs]
    counted = sum(score >= limit for found, limit in zip(scores, limits, strict=True) for score in found)
    if counted < sum(SCENE.insects.get(key, 0) for key in PHOTO_COUNTED) * LEAST_COUNTED:
        return -1
    return min(abs(score - limit) for found, limit in zip(scores, limits, strict=True) for score in found)


def _few_colours(example: Example) -> bytes:
    file = io.BytesIO()
    Image.fromarray(example.image).quantize(COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()
