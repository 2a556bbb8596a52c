import importlib.util
import json
from pathlib import Path

import pytest

from pestwatch.release.manifest import SIZES
from pestwatch.shelf import current_base
from pestwatch.vision.infer import Counter, count_photo

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("vision_golden", GOLDEN / "vision_golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_golden_vectors_are_fresh(generator):
    for path, text in generator.golden_files().items():
        assert path.read_text(encoding="utf-8") == text, f"run python tests/golden/vision_golden.py for {path.name}"


def test_the_base_counts_its_own_golden_picture_as_its_manifest_says():
    folder = current_base()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for size, counts in manifest["golden"]["counts"].items():
        counted = count_photo(folder / "golden.png", Counter.from_release(folder, size=size))
        assert counted.counts == counts
        assert sum(counted.counts.values()) >= 6


@pytest.mark.parametrize("size", SIZES)
def test_no_golden_count_is_a_close_call(size):
    counter = Counter.from_release(current_base(), size=size)
    lower = [threshold - 3 for threshold in counter.threshold_q]
    higher = [threshold + 3 for threshold in counter.threshold_q]
    picture = current_base() / "golden.png"
    counts = []
    for thresholds in (lower, higher):
        counter.threshold_q = tuple(thresholds)
        counts.append(count_photo(picture, counter).counts)
    assert counts[0] == counts[1]
