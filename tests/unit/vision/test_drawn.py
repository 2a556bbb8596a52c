import io
import json

import numpy as np
import pytest
from PIL import Image

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.drawn import Scene, draw, rehearsal
from tests.golden.draw_photos import PHOTOS, SCENES, golden_photos, photo_bytes, truth_of


def test_the_same_seed_draws_the_same_photo() -> None:
    scene = Scene(200, 160, insects={"GNORAB": 4, "fly": 1})
    first, again, other = draw(scene, 7), draw(scene, 7), draw(scene, 8)
    assert np.array_equal(first.image, again.image)
    assert first.points == again.points
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("ground", ["liner", "funnel"])
def test_every_insect_that_counts_has_its_point_inside_the_photo(ground: str) -> None:
    example = draw(Scene(240, 180, ground, {"GNORAB": 3, "HELIAR": 2, "fly": 2}), 3)
    assert example.image.shape == (180, 240, 3)
    assert example.image.dtype == np.uint8
    assert example.true_counts == (3, 2, 0)
    assert all(0 <= point.x_px < 240 and 0 <= point.y_px < 180 for point in example.points)


def test_insects_are_darker_than_the_liner_they_stick_to() -> None:
    example = draw(Scene(insects={"GNORAB": 8}, debris=0), 5)
    paper = np.median(example.image.mean(axis=2))
    for point in example.points:
        x, y = int(point.x_px), int(point.y_px)
        assert example.image[y - 3 : y + 4, x - 3 : x + 4].mean() < paper - 30


def test_a_full_card_takes_no_more_insects() -> None:
    assert 5 < len(draw(Scene(120, 120, insects={"GNORAB": 500}, debris=0), 1).points) < 60


def test_a_rehearsal_shows_every_species_and_empty_traps_and_repeats() -> None:
    examples = rehearsal(12, 1, side_px=256)
    totals = np.sum([example.true_counts for example in examples], axis=0)
    assert len(totals) == len(PHOTO_COUNTED)
    assert (totals > 0).all()
    assert any(sum(example.true_counts) == 0 for example in examples)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(examples, rehearsal(12, 1, side_px=256), strict=True))


def test_the_golden_photos_are_fresh() -> None:
    """Drawn anew they look the same; a level or two may differ between processors."""
    truth = json.loads((PHOTOS / "photos.json").read_text())
    assert set(truth) == set(SCENES) == {path.name for path in PHOTOS.iterdir()} - {"photos.json"}
    for name, example in golden_photos().items():
        assert truth[name] == truth_of(example), name
        stored, anew = ((PHOTOS / name).read_bytes(), photo_bytes(name, example))
        old, new = (np.asarray(Image.open(io.BytesIO(c)).convert("RGB"), np.float32) for c in (stored, anew))
        assert np.abs(old - new).mean() < 1, f"{name} is stale: run python tests/golden/draw_photos.py"


def test_golden_photos_are_small_files() -> None:
    for path in PHOTOS.iterdir():
        assert path.stat().st_size <= 40_000, path.name
