import numpy as np
import pytest
from PIL import Image

from pestwatch.vision import junk


def save(path, width, height, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 4), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


def test_only_pictures_of_the_named_sources_are_read(tmp_path):
    save(tmp_path / "walls" / "deep" / "a.png", 300, 250)
    save(tmp_path / "others" / "b.png", 300, 250)
    found = junk.junk_pictures(tmp_path, ["walls", "not-unpacked"], seed=1)
    assert [picture.shape for picture in found] == [(250, 300, 3)]


def test_icons_strips_plain_areas_and_damaged_files_are_no_photos(tmp_path):
    save(tmp_path / "walls" / "icon.png", 64, 64)
    save(tmp_path / "walls" / "strip.png", 1000, 220)
    Image.new("RGB", (300, 300), "red").save(tmp_path / "walls" / "plain.png")
    (tmp_path / "walls" / "damaged.jpg").write_bytes(b"\xff\xd8\xff nothing")
    assert junk.junk_pictures(tmp_path, ["walls"], seed=1) == []


def test_large_pictures_are_shrunk_and_clear_ones_get_a_ground(tmp_path):
    save(tmp_path / "walls" / "clear.png", 1024, 768, "RGBA")
    (picture,) = junk.junk_pictures(tmp_path, ["walls"], seed=1)
    assert picture.shape == (384, 512, 3)


def test_one_source_does_not_drown_the_others(tmp_path):
    for number in range(4):
        save(tmp_path / "walls" / f"{number}.png", 300, 250 + number)
    assert len(junk.junk_pictures(tmp_path, ["walls"], seed=1, most=2)) == 2


@pytest.mark.parametrize("name", junk.PAINTERS)
def test_drawn_junk_is_a_picture_with_something_on_it(name):
    canvas = junk.PAINTERS[name](np.random.default_rng(4))
    assert canvas.ndim == 3
    assert canvas.std() > 4


def test_drawn_junk_and_its_windows_repeat_with_their_seed():
    one, two = (np.random.default_rng(7) for _ in range(2))
    assert (junk.window(junk.drawn_junk(one), one) == junk.window(junk.drawn_junk(two), two)).all()
