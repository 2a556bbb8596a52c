import contextlib
import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pestwatch.errors import Problem
from pestwatch.vision import preprocess
from pestwatch.vision.preprocess import decode_photo, owns, shrink, shrunk_size, tile_offsets, tiles


def jpeg(width: int, height: int, **options) -> bytes:
    file = io.BytesIO()
    picture = Image.new("RGB", (width, height), (200, 190, 180))
    picture.paste((10, 20, 30), (0, 0, width // 4, height // 4))
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds no picture."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 100) + b"IDAT"


def area_by_definition(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The formula, one weight at a time."""

    def shares(source: int, target: int) -> np.ndarray:
        start, end = np.arange(source) * target, (np.arange(source) + 1) * target
        low, high = np.arange(target)[:, None] * source, (np.arange(target)[:, None] + 1) * source
        return np.clip(np.minimum(end, high) - np.maximum(start, low), 0, None)

    rows, columns = shares(image.shape[0], height), shares(image.shape[1], width)
    sums = np.einsum("iy,jx,yxc->ijc", rows, columns, image.astype(np.int64), optimize=True)
    total = image.shape[0] * image.shape[1]
    return (2 * sums + total) // (2 * total)


@pytest.mark.parametrize(("width", "height"), [(97, 61), (61, 130), (200, 7), (120, 60), (60, 60)])
def test_shrinking_follows_the_area_formula_to_the_bit(monkeypatch, width, height):
    monkeypatch.setattr(preprocess, "MAX_SIDE_PX", 60)
    monkeypatch.setattr(preprocess, "STRIPE_ROWS", 16)
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert np.array_equal(shrink(image), area_by_definition(image, *shrunk_size(width, height)))


def test_a_small_photo_is_never_enlarged():
    image = np.zeros((200, 300, 3), np.uint8)
    assert shrink(image) is image


@given(st.integers(1, 12_000), st.integers(1, 12_000))
def test_a_shrunk_photo_fits_and_keeps_its_long_side(width, height):
    new_width, new_height = shrunk_size(width, height)
    assert max(new_width, new_height) == min(960, max(width, height))
    assert min(new_width, new_height) >= 1
    assert (new_width >= new_height) == (width >= height) or new_width == new_height


@given(st.integers(96, 960), st.integers(0, 239))
def test_every_cell_centre_inside_the_photo_belongs_to_exactly_one_tile(length, cell):
    offsets = tile_offsets(length)
    photo_px = [offset + (index + 0.5) * 4 for offset in offsets for index in range(128)]
    for centre in photo_px[cell % len(photo_px) :: 97]:
        owners = [offset for offset in offsets if offset <= centre < offset + 512 and owns(length, offset, centre)]
        assert len(owners) == (1 if centre < length else 0)


def test_tiles_show_grey_outside_the_photo():
    image = np.zeros((100, 600, 3), np.uint8)
    found = list(tiles(image))
    assert [(tile.x_px, tile.y_px) for tile in found] == [(0, 0), (88, 0)]
    assert (found[0].pixels[100:] == 128).all()
    assert (found[0].pixels[:100] == 0).all()


def test_a_photo_taken_upright_on_its_side_is_turned():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held a quarter turn anticlockwise
    upright = decode_photo(jpeg(400, 200, exif=exif), "turned.jpg")
    assert upright.shape == (400, 200, 3)
    assert upright[10, -10].max() < 60  # the dark corner came to the top right


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_as_pillow_does(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = jpeg(400, 200, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))
    assert np.array_equal(decode_photo(content, "turned.jpg"), expected)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_read_or_refused_and_never_breaks_off(seed):
    rng = np.random.default_rng(seed)
    exif = Image.Exif()
    exif[0x0112] = 6
    damaged = bytearray(jpeg(160, 120, exif=exif))
    for place in rng.integers(0, 120, 3):
        damaged[place] = rng.integers(256)
    with contextlib.suppress(Problem):
        assert decode_photo(bytes(damaged), "bad.jpg").dtype == np.uint8


def test_grey_and_palette_pictures_become_rgb():
    file = io.BytesIO()
    Image.new("L", (120, 100), 90).save(file, "PNG")
    assert decode_photo(file.getvalue(), "grey.png").shape == (100, 120, 3)


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"", "422.2"),
        (b"not a picture at all", "422.1"),
        (jpeg(400, 300)[:900], "422.1"),
        (png_header(200, 200), "422.1"),
        (jpeg(80, 60), "422.3"),
        (png_header(10_000, 10_000), "422.4"),
        (png_header(60_000, 60_000), "422.4"),
    ],
    ids=["empty", "text", "cut short", "header only", "tiny", "100 megapixels", "3600 megapixels"],
)
def test_a_bad_photo_is_refused_with_its_number(content, number):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(Problem) as refused:
            decode_photo(content, "bad.jpg")
    assert refused.value.number == number
    assert "bad.jpg" in str(refused.value)
