"""Jobs of drawn photos, against the base that the project ships."""

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.release.registry import find_current
from pestwatch.vision.dataset import Example

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 25, 3, 4, 5, tzinfo=UTC)
SMALL_RECIPE = ROOT / "tests" / "journey" / "recipes" / "region.toml"

WriteJob = Callable[..., Path]


@pytest.fixture(scope="session")
def base() -> Path:
    return find_current("base", ROOT / "mobile_models" / "releases").folder


@pytest.fixture
def write_job(tmp_path: Path, base: Path) -> WriteJob:
    """Writes a job's folder: each example becomes a JPEG with an officer's recount, all insects marked."""

    def write(examples: Sequence[Example], recipe: Path = SMALL_RECIPE, **changes: Any) -> Path:
        folder = tmp_path / "job"
        (folder / "photos").mkdir(parents=True)
        photos = [_photo(folder, number, example) for number, example in enumerate(examples)]
        job = {
            "v": 1,
            "region": "IN-MH-500",
            "run": 1,
            "seed": 7,
            "now": "2026-11-25T03:04:05Z",
            "version": "IN-MH-500-20261125-1",
            "base": str(base),
            "current": str(base),
            "recipe": str(recipe),
            "photos": photos,
        }
        (folder / "job.json").write_text(json.dumps(job | changes))
        return folder

    return write


def _photo(folder: Path, number: int, example: Example) -> dict[str, Any]:
    stream = io.BytesIO()
    Image.fromarray(example.image).save(stream, "JPEG", quality=90)
    sha256 = hashlib.sha256(stream.getvalue()).hexdigest()
    (folder / "photos" / f"{sha256}.jpg").write_bytes(stream.getvalue())
    height, width, _ = example.image.shape
    marks = [{"x": p.x_px / width, "y": p.y_px / height, "species": PHOTO_COUNTED[p.species]} for p in example.points]
    return {
        "sha256": sha256,
        "file": f"photos/{sha256}.jpg",
        "trap": example.trap,
        "taken_at": (NOW - timedelta(days=30 - number)).isoformat(),
        "recount": {
            "counts": dict(zip(PHOTO_COUNTED, example.true_counts, strict=True)),
            "marks": marks,
            "by": "officer",
        },
    }
