import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pestwatch.cli import current_base
from pestwatch.errors import Problem
from pestwatch.vision.infer import Counter, count_photo

from .pictures import liner


@pytest.fixture(scope="module")
def counter():
    return Counter.from_release(current_base())


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def test_a_result_has_the_shape_that_phones_send(counter):
    result = count_photo(png(liner(1, 8).image), counter).to_json()
    assert set(result) == {"counts", "marks", "gate", "model", "ms", "decoded_scale"}
    assert list(result["counts"]) == ["GNORAB", "HELIAR", "NOCTUID_LARGE"]
    assert result["model"] == counter.version
    assert len(result["marks"]) == sum(result["counts"].values())
    assert all(0 <= mark["x"] < 1 and 0 <= mark["y"] < 1 for mark in result["marks"])
    assert json.loads(json.dumps(result)) == result


def test_marks_lie_on_the_moths(counter):
    photo = liner(5, 10)
    marks = count_photo(png(photo.image), counter).marks
    assert len(marks) >= 5
    for mark in marks:
        distances = [np.hypot(mark.x * 256 - p.x_px, mark.y * 256 - p.y_px) for p in photo.points]
        assert min(distances) < 14


def test_a_blank_liner_counts_nothing(counter):
    noise = np.random.default_rng(3).normal(200, 5, (700, 900, 3))
    result = count_photo(png(np.clip(noise, 0, 255).astype(np.uint8)), counter)
    assert sum(result.counts.values()) == 0
    assert result.gate.verdict == "good"


def test_a_black_photo_is_rejected_and_not_counted(counter):
    result = count_photo(png(np.zeros((300, 300, 3), np.uint8)), counter)
    assert (result.gate.verdict, result.gate.reason) == ("rejected", "too_dark")
    assert result.marks == ()


def test_a_moth_on_the_border_of_two_tiles_is_counted_once(counter):
    small = liner(5, 10)
    wide = np.full((256, 720, 3), 205, np.uint8)
    alone = count_photo(png(small.image), counter).counts
    for left in (100, 230, 300, 464):
        wide[:] = 205
        wide[:, left : left + 256] = small.image
        moved = count_photo(png(wide), counter).counts
        assert abs(moved["GNORAB"] - alone["GNORAB"]) <= 1


def test_a_folder_without_a_model_is_a_problem(tmp_path):
    with pytest.raises(Problem) as missing:
        Counter.from_release(tmp_path)
    assert missing.value.number == "404.1"


def test_counting_loads_no_tensorflow():
    program = "import sys, pestwatch.vision.infer; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
