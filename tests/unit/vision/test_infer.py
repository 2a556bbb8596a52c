import io
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pestwatch.cli import current_base
from pestwatch.errors import Problem
from pestwatch.vision.drawn import Scene, draw
from pestwatch.vision.infer import Counter, count_photo
from pestwatch.vision.look import Looked, Seen
from pestwatch.vision.preprocess import Sizes

PHOTO = Path(__file__).parents[2] / "golden" / "photos" / "liner-many.png"
LINER = draw(Scene(320, 320, insects={"GNORAB": 10}, debris=4), 8)


@pytest.fixture(scope="module")
def counter():
    return Counter.from_release(current_base())


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def test_a_result_has_the_shape_that_phones_send(counter):
    result = count_photo(png(LINER.image), counter).to_json()
    assert set(result) == {"counts", "intervals", "marks", "gate", "model", "ms", "decoded_scale"}
    assert list(result["counts"]) == ["GNORAB", "HELIAR", "NOCTUID_LARGE"]
    assert result["model"] == counter.version
    assert len(result["marks"]) == sum(result["counts"].values())
    assert all(0 <= mark["x"] < 1 and 0 <= mark["y"] < 1 for mark in result["marks"])
    assert json.loads(json.dumps(result)) == result


def test_marks_lie_on_the_moths(counter):
    marks = count_photo(png(LINER.image), counter).marks
    assert len(marks) >= 6
    for mark in marks:
        distances = [np.hypot(mark.x * 320 - p.x_px, mark.y * 320 - p.y_px) for p in LINER.points]
        assert min(distances) < 10


def test_a_blank_liner_counts_nothing(counter):
    noise = np.random.default_rng(3).normal(200, 5, (700, 900, 3))
    result = count_photo(png(np.clip(noise, 0, 255).astype(np.uint8)), counter)
    assert sum(result.counts.values()) == 0
    assert result.gate.verdict == "good"


def test_a_black_photo_is_rejected_and_not_counted(counter):
    result = count_photo(png(np.zeros((300, 300, 3), np.uint8)), counter)
    assert (result.gate.verdict, result.gate.reason) == ("rejected", "too_dark")
    assert result.marks == ()


# Multiples of the stride: between cells the network may see one moth differently, whatever the tiles.
@pytest.mark.parametrize("left", [100, 172, 200, 232, 260, 300])
def test_moths_on_the_border_of_two_tiles_are_counted_once(counter, left):
    small = Sizes(LINER.image).at(256)
    wide = np.full((256, 720, 3), np.median(small, axis=(0, 1)), np.uint8)
    wide[:, left : left + 256] = small
    alone = [(moth.x * 256 + left, moth.y * 256) for moth in counter.see(small) if moth.value >= 120]
    moved = [(moth.x * 720, moth.y * 256) for moth in counter.see(wide)]
    assert len(alone) >= 6
    found = [sum(math.dist(one, other) < 8 for other in moved) for one in alone]
    assert found == [1] * len(alone)


class _Tiles(Counter):
    """Sees one hot cell in each tile, where the test says; None for nothing."""

    columns: list[int | None]

    def heat(self, tile):
        heat = np.zeros((128, 128, 4), np.uint8)
        column = self.columns.pop(0)
        if column is not None:
            heat[40, column] = (200, 0, 0, 128)
        return heat


@pytest.mark.parametrize(
    ("story", "left_column", "right_column", "expected_px"),
    [
        ("each tile puts it on its own side", 119, 8, [478]),
        ("each tile puts it on the other's side", 120, 7, [478]),
        ("one tile alone sees it, on its own side", 119, None, [478]),
        ("one tile alone sees it, on the other's side", None, 7, []),
        ("two cells apart are two moths", 119, 9, [478, 486]),
    ],
)
def test_of_two_tiles_that_put_a_moth_on_their_border_one_counts_it(story, left_column, right_column, expected_px):
    counter = _Tiles.from_release(current_base())
    counter.columns = [left_column, right_column]  # tiles at 0 and 448 px, border at 480
    seen = counter.see(np.zeros((512, 960, 3), np.uint8))
    assert [moth.x * 960 for moth in seen] == pytest.approx(expected_px)


@pytest.mark.parametrize("factor", [0.7, 1.4, 2, 4])
def test_the_count_hardly_changes_with_the_size_of_the_photo(counter, factor):
    with Image.open(PHOTO) as picture:
        size = tuple(round(side * factor) for side in picture.size)
        photos = [np.asarray(each.convert("RGB")) for each in (picture, picture.resize(size, Image.Resampling.LANCZOS))]
    known, changed = (counter.count_image(photo) for photo in photos)
    assert known.counts["GNORAB"] > 10
    assert changed.counts["GNORAB"] == pytest.approx(known.counts["GNORAB"], rel=0.15)
    assert 0.8 < changed.looked.side_px / known.looked.side_px < 1.25


def test_each_size_of_the_family_signs_its_counts(counter):
    folder = current_base()
    sidecar = json.loads((folder / "small.json").read_text(encoding="utf-8"))
    nano = Counter(folder / "small.tflite", sidecar | {"name": "nano"})
    dark = np.zeros((300, 300, 3), np.uint8)
    assert counter.count_image(dark).model == counter.version
    assert nano.count_image(dark).model == f"{counter.version}.nano"


def test_a_moth_counts_from_a_share_of_the_photos_own_sure_moths():
    folder = current_base()
    sidecar = json.loads((folder / "small.json").read_text(encoding="utf-8"))
    seen = tuple(Seen(0.1, 0.1, 0, value, 128) for value in (*[160] * 20, 90, 70))
    looked = Looked(512, seen, 0, 1)
    fixed, following = (
        Counter(folder / "small.tflite", sidecar | {"threshold_q": [100] * 3, "share_q": [share] * 3})
        for share in (0, 128)
    )
    assert len(fixed.marks(looked)) == 20
    assert len(following.marks(looked)) == 21


def test_a_folder_without_a_model_is_a_problem(tmp_path):
    with pytest.raises(Problem) as missing:
        Counter.from_release(tmp_path)
    assert missing.value.number == "404.1"


def test_counting_loads_no_tensorflow():
    program = "import sys, pestwatch.vision.infer; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
