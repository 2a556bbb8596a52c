"""The JSON beside a model: what a phone must know to run it. Signed with the model, unlike its metadata."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.light import Limits
from pestwatch.vision.preprocess import MOTH_PX, STRIDE_PX
from pestwatch.vision.shape import Shape


def make_sidecar(
    version: str,
    model: bytes,
    shape: Shape,
    thresholds: Sequence[tuple[int, int]],
    moth_codes: Sequence[int],
    limits: Limits,
    interval_q90: Sequence[float | None] | None = None,
) -> dict[str, Any]:
    """Describes a model file.

    Args:
      version: of the release.
      model: the .tflite, metadata included.
      shape: of the network.
      thresholds: per species, the usual least heat that counts and the share of a photo's sure moths that it follows,
        both in 1/256 (threshold.py).
      moth_codes: per species, what the network answers about the length of moths of MOTH_PX (look.py).
      limits: of the photo gate.
      interval_q90: how far the 90 % interval of each species reaches (interval.py), None where nobody measured it;
        without it the field is left out.
    """
    described: dict[str, Any] = {
        "v": 2,
        "name": shape.name,
        "version": version,
        "tile_px": shape.tile_px,
        "overlap_px": shape.overlap_px,
        "stride": STRIDE_PX,
        "labels": list(PHOTO_COUNTED),
        "threshold_q": [usual for usual, _ in thresholds],
        "share_q": [share for _, share in thresholds],
        # Pixels of the network's picture at which each species is counted, and such moths' codes in the last channel.
        "moth_px": list(MOTH_PX),
        "moth_codes": list(moth_codes),
        "gate": asdict(limits),
        "model_sha256": hashlib.sha256(model).hexdigest(),
    }
    return described if interval_q90 is None else described | {"interval_q90": list(interval_q90)}


def released(sidecar: Mapping[str, Any], version: str, model: bytes) -> dict[str, Any]:
    """A sidecar, of a counter or of the gate, for the file as it is released: everything that was measured stays."""
    return {**sidecar, "version": version, "model_sha256": hashlib.sha256(model).hexdigest()}


def counted_by(sidecar: Mapping[str, Any]) -> str:
    """How observations name a model: by its release, and by its size too where that is not the usual one."""
    version, name = str(sidecar["version"]), str(sidecar["name"])
    return version if name == "small" else f"{version}.{name}"


def sidecar_bytes(sidecar: Mapping[str, Any]) -> bytes:
    """The file, such as small.json: readable, and the same bytes for the same content."""
    return (json.dumps(sidecar, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
