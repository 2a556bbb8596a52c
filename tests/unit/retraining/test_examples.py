from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pestwatch.retraining.examples import judging_example, teaching_example
from pestwatch.retraining.job import Mark, Photo, Recount
from pestwatch.vision.look import STEP_CODE, Looked, Seen
from pestwatch.vision.preprocess import MOTH_PX, Sizes

MARKS = (Mark(0.25, 0.5, "GNORAB"), Mark(0.75, 0.5, "NOCTUID_LARGE"))
COUNTS = {"GNORAB": 1, "NOCTUID_LARGE": 1}


CODES = (128, 175, 155)


class Base:
    """Looks at every photo at a long side of 512 px, and sees one moth, twice as long as usual."""

    moth_codes = CODES
    seen = Seen(0.26, 0.5, 0, 200, CODES[0] + 4 * STEP_CODE)

    def look(self, sizes: Sizes) -> Looked:
        return Looked(512, (self.seen,), None, 1)


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    Image.fromarray(np.zeros((900, 1200, 3), np.uint8)).save(tmp_path / "a.jpg")
    return Photo("a" * 64, "a.jpg", "1/t1", datetime(2026, 11, 25, tzinfo=UTC), Recount(COUNTS, "officer", MARKS))


def test_a_photo_teaches_at_the_size_at_which_the_base_counts_it(tmp_path: Path, photo: Photo) -> None:
    example = teaching_example(tmp_path, photo, Base(), ["GNORAB"])
    assert example.image.shape == (384, 512, 3)
    assert [(point.x_px, point.y_px) for point in example.points] == [(128, 192), (384, 192)]
    assert (example.true_counts, example.silent) == ((1, 0, 1), {1, 2})


def test_a_marked_moth_is_as_long_as_the_base_says_and_as_counted_where_it_sees_none(
    tmp_path: Path, photo: Photo
) -> None:
    example = teaching_example(tmp_path, photo, Base(), ["GNORAB"])
    assert [point.length_px for point in example.points] == [2 * MOTH_PX[0], MOTH_PX[2]]


def test_a_photo_judges_as_it_came(tmp_path: Path, photo: Photo) -> None:
    example = judging_example(tmp_path, photo)
    assert (example.image.shape, example.true_counts, example.silent) == ((900, 1200, 3), (1, 0, 1), {1})
