import contextlib
import io
import struct
import warnings
import zlib
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pestwatch.errors import Problem
from pestwatch.vision.preprocess import MAX_SIDE_PX, Sizes, decode_photo, halved, other_side, owned, tile_offsets, tiles


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


def enlarged_by_definition(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Each byte between the four nearest source centres, by its distance from each; one place at a time."""

    def shares(source: int, target: int) -> np.ndarray:
        weights = np.zeros((target, source), np.int64)  # in units of 1 / (2 * target)
        for place in range(target):
            centre = Fraction(2 * place + 1, 2 * target) * source - Fraction(1, 2)
            below = centre.numerator // centre.denominator
            right = int((centre - below) * 2 * target)
            for line, weight in ((below, 2 * target - right), (below + 1, right)):
                weights[place, min(max(line, 0), source - 1)] += weight
        return weights

    rows, columns = shares(image.shape[0], height), shares(image.shape[1], width)
    sums = np.einsum("iy,jx,yxc->ijc", rows, columns, image.astype(np.int64), optimize=True)
    total = 4 * width * height
    return (2 * sums + total) // (2 * total)


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def sides_of(width: int, height: int, side_px: int) -> tuple[int, int]:
    other = other_side(max(width, height), min(width, height), side_px)
    return (side_px, other) if width >= height else (other, side_px)


@pytest.mark.parametrize(
    ("width", "height", "side_px"), [(97, 61, 60), (61, 130, 66), (200, 7, 101), (120, 60, 119), (60, 60, 31)]
)
def test_shrinking_follows_the_area_formula_to_the_bit(width, height, side_px):
    image = noise(width, height)
    expected = area_by_definition(image, *sides_of(width, height, side_px))
    assert np.array_equal(Sizes(image).at(side_px), expected)


@pytest.mark.parametrize(("width", "height", "side_px"), [(97, 61, 128), (40, 101, 202), (100, 1, 130), (50, 50, 51)])
def test_enlarging_lies_between_the_centres_to_the_bit(width, height, side_px):
    image = noise(width, height)
    expected = enlarged_by_definition(image, *sides_of(width, height, side_px))
    assert np.array_equal(Sizes(image).at(side_px), expected)


@pytest.mark.parametrize(("width", "height"), [(8, 6), (7, 6), (8, 5), (7, 5), (2, 3)])
def test_a_half_is_the_mean_of_fours_and_drops_an_odd_border(width, height):
    image = noise(width, height).astype(int)
    down, right = height // 2, width // 2
    fours = image[: 2 * down, : 2 * right].reshape(down, 2, right, 2, 3).sum((1, 3))
    assert np.array_equal(halved(image.astype(np.uint8)), (fours + 2) // 4)


@pytest.mark.parametrize(("width", "height"), [(403, 301), (301, 403)])
def test_a_small_size_is_made_from_the_smallest_half_that_is_not_smaller(width, height):
    image = noise(width, height)
    quarter = halved(halved(image))
    assert np.array_equal(Sizes(image).at(100), quarter)
    assert np.array_equal(Sizes(image).at(70), area_by_definition(quarter, *sides_of(*quarter.shape[1::-1], 70)))


def test_sizes_do_not_depend_on_what_was_asked_before():
    image = noise(431, 300)
    asked = Sizes(image)
    sizes = (256, 128, 512, 304, 128, 431)
    assert all(np.array_equal(asked.at(side_px), Sizes(image).at(side_px)) for side_px in sizes)
    assert asked.at(431) is image


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(16, 500))
def test_a_photo_has_the_long_side_asked_for_and_no_new_colours(width, height, side_px):
    image = np.full((height, width, 3), (7, 130, 255), np.uint8)
    sized = Sizes(image).at(side_px)
    assert max(sized.shape[:2]) == side_px
    assert min(sized.shape[:2]) >= 1
    assert (sized == (7, 130, 255)).all()


@pytest.mark.parametrize(("width", "height"), [(9000, 1), (1, 9000), (8193, 3)])
def test_a_line_of_a_photo_does_not_break(width, height):
    sizes = Sizes(np.full((height, width, 3), 90, np.uint8))
    assert sizes.long_px == MAX_SIDE_PX
    for side_px in (128, 512, 4096):
        sized = sizes.at(side_px)
        assert sorted(sized.shape[:2]) == sorted((side_px, max(1, round(min(width, height) * side_px / 9000))))
        assert (sized == 90).all()


TILES = [(512, 64), (160, 32)]


@pytest.mark.parametrize(("tile_px", "overlap_px"), TILES)
@given(length=st.integers(16, 4096))
def test_every_place_inside_the_photo_belongs_to_exactly_one_tile(tile_px, overlap_px, length):
    offsets = tile_offsets(length, tile_px, overlap_px)
    parts = [owned(length, offset, tile_px, overlap_px) for offset in offsets]
    assert parts[0][0] == 0
    assert parts[-1][1] == length
    for (one, other), (left, right) in zip(pairwise(offsets), pairwise(parts), strict=True):
        assert left[1] == right[0] == (one + tile_px + other) / 2  # the middle of what they share
    for offset, (start, end) in zip(offsets, parts, strict=True):
        assert offset <= start < end <= offset + tile_px


@pytest.mark.parametrize(("tile_px", "overlap_px"), TILES)
@given(length=st.integers(16, 4096))
def test_neighbouring_tiles_share_the_overlap_and_are_no_more_than_needed(tile_px, overlap_px, length):
    offsets = tile_offsets(length, tile_px, overlap_px)
    assert all(left + tile_px - right >= overlap_px for left, right in pairwise(offsets))
    step = tile_px - overlap_px
    assert len(offsets) == max(1, -(-(length - overlap_px) // step))


def test_tiles_show_grey_outside_the_photo():
    image = np.zeros((100, 600, 3), np.uint8)
    found = list(tiles(image, 512, 64))
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
