"""An installation, a candidate and a moment, as small as they can be."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pestwatch.release.candidate import Candidate
from pestwatch.release.card import CardFacts
from pestwatch.release.installation import InstallationKeys, open_installation
from pestwatch.release.manifest import SIZES

NOW = datetime(2026, 11, 25, 3, 4, 5, tzinfo=UTC)
COUNTS = {"GNORAB": 7, "HELIAR": 0, "NOCTUID_LARGE": 1}


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    return tmp_path / "releases"


@pytest.fixture
def installation(tmp_path: Path) -> InstallationKeys:
    return open_installation(tmp_path / "keys", NOW)


@pytest.fixture
def candidate() -> Candidate:
    figures = {"n": 9, "insects": 40, "mae": 1.25, "wape": 0.125, "bias": -0.5, "r2": None}
    return Candidate(
        files={
            "small.tflite": b"a model",
            "small.json": json.dumps({"v": 2, "version": "IN-MH-500-20261125-1"}).encode(),
            "golden.png": b"a picture",
        },
        golden_counts={"small": COUNTS},
        metrics={"small": {"hold-out": {"per_species": {"GNORAB": figures}}}},
        facts=CardFacts("Counts small moths.", ("9 photos.",), ("Other traps.",), ("Drawn.",), (("size", "7 bytes"),)),
        base_version="base-20261125-1",
    )


@pytest.fixture
def family(candidate: Candidate) -> Candidate:
    """What a base release holds: three sizes, the gate, weights to retrain from, and a picture for the card."""
    more = {
        "nano.tflite": b"a tiny model",
        "nano.json": b'{"v":2}',
        "base.tflite": b"a great model",
        "base.json": b'{"v":2}',
        "gate.tflite": b"a gate",
        "gate.json": b'{"v":2}',
        "small.weights.npz": b"weights",
        "card-good-cases.png": b"a picture of counts",
    }
    return Candidate(
        {**candidate.files, **more},
        {size: COUNTS | {"GNORAB": 7 + place} for place, size in enumerate(SIZES)},
        candidate.metrics,
        msgspec.structs.replace(candidate.facts, pictures={"card-good-cases.png": "Counts on five liners."}),
    )
