"""The JSON beside a model: what a phone must know to run it. Signed with the model, unlike its metadata."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.gate import Limits
from pestwatch.vision.preprocess import MAX_SIDE_PX, OVERLAP_PX, STRIDE_PX, TILE_PX


def make_sidecar(
    version: str,
    model: bytes,
    threshold_q: Sequence[int],
    limits: Limits,
    interval_q90: Sequence[float | None] | None = None,
) -> dict[str, Any]:
    """Describes a model file.

    Args:
      version: of the release.
      model: the .tflite, metadata included.
      threshold_q: least heat that counts, per species, in 1/256.
      limits: of the photo gate.
      interval_q90: how far the 90 % interval of each species reaches (interval.py), None where nobody measured it;
        without it the field is left out, as in releases before it was known.
    """
    described: dict[str, Any] = {
        "v": 1,
        "name": "small",
        "version": version,
        "input": {"width": TILE_PX, "height": TILE_PX},
        "stride": STRIDE_PX,
        "labels": list(PHOTO_COUNTED),
        "threshold_q": list(threshold_q),
        "picture": {"max_side_px": MAX_SIDE_PX, "tile_px": TILE_PX, "overlap_px": OVERLAP_PX},
        "gate": asdict(limits),
        "model_sha256": hashlib.sha256(model).hexdigest(),
    }
    return described if interval_q90 is None else described | {"interval_q90": list(interval_q90)}


def sidecar_bytes(sidecar: Mapping[str, Any]) -> bytes:
    """The file small.json: readable, and the same bytes for the same content."""
    return (json.dumps(sidecar, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
