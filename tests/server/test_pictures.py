"""What is kept of a photo is the picture; what is no whole picture, or a trap for its reader, is refused."""

import io
import random
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, ImageOps

from pestwatch.errors import Problem
from server.pictures import MAX_SEGMENTS, read_picture
from tests.factories import png

SECRETS = (b"Sukhdev", b"Wadgaon", b"GPS")


def noise(mode: str = "RGB", size: tuple[int, int] = (90, 60)) -> Image.Image:
    picture = random.Random(5)
    return Image.frombytes(mode, size, picture.randbytes(size[0] * size[1] * len(mode)))


def jpeg(turned: int = 1, **how: Any) -> bytes:
    """A JPEG as a camera writes it: owner, place, preview, comment, and something hung behind it."""
    exif = Image.Exif()
    exif[0x0112], exif[0x013B], exif[0x010E] = turned, "Sukhdev", "GPS 20.1 78.2"
    out = io.BytesIO()
    noise().save(
        out, "JPEG", exif=exif, comment=b"by the well of Sukhdev", quality=92, icc_profile=b"Wadgaon" * 9, **how
    )
    return out.getvalue() + b"PK\x03\x04 a zip of Wadgaon"


def pixels(content: bytes) -> bytes:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(content))).tobytes()


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 2}])
@pytest.mark.parametrize("turned", [1, 3, 6, 8])
def test_a_jpeg_keeps_its_pixels_and_its_way_up_and_nothing_else(turned: int, how: dict[str, Any]) -> None:
    sent = jpeg(turned, **how)
    assert all(secret in sent for secret in SECRETS)
    picture = read_picture(sent, "p")
    assert not any(secret in picture.content for secret in SECRETS)
    assert pixels(picture.content) == pixels(sent)
    header = picture.header
    assert (header.media_type, header.width_px, header.height_px) == ("image/jpeg", 90, 60)
    assert header.size_bytes == len(picture.content) < len(sent)
    assert dict(Image.open(io.BytesIO(picture.content)).getexif()) == ({0x0112: turned} if turned > 1 else {})


def test_cmyk_and_grey_jpegs_keep_their_colours() -> None:
    for mode in ("L", "CMYK"):
        out = io.BytesIO()
        noise(mode).save(out, "JPEG")
        assert pixels(read_picture(out.getvalue(), "p").content) == pixels(out.getvalue())


def test_a_png_keeps_its_pixels_and_nothing_else() -> None:
    plain = png()
    noted = plain[:33] + chunk(b"tEXt", b"Author\0Sukhdev") + chunk(b"eXIf", b"GPS") + plain[33:] + b"Wadgaon"
    picture = read_picture(noted, "p")
    assert picture.content == plain
    assert (picture.header.media_type, picture.header.width_px, picture.header.height_px) == ("image/png", 320, 240)


def test_what_is_clean_stays_as_it_is() -> None:
    for clean in (png(), read_picture(jpeg(6), "p").content):
        assert read_picture(clean, "p").content == clean


def test_a_preview_inside_jfif_is_taken_out() -> None:
    whole = jpeg()
    at = whole.index(b"JFIF\0") - 4
    preview = struct.pack(">H", 16 + 27) + whole[at + 4 : at + 16] + b"\x03\x03" + b"Sukhdev" * 3 + b"......"
    sent = whole[: at + 2] + preview + whole[at + 18 :]
    assert pixels(sent) == pixels(whole)
    assert b"Sukhdev" not in read_picture(sent, "p").content


def jpeg_of(*segments: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(segments)


def frame(width_px: int, height_px: int, kind: int = 0xC0) -> bytes:
    return bytes([0xFF, kind]) + struct.pack(">HBHHB", 17, 8, height_px, width_px, 3) + b"\0" * 9


SCAN = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + b"pixels"
END = b"\xff\xd9"
HEADER = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
START = b"\x89PNG\r\n\x1a\n"
REFUSED = {
    "nothing": (b"", "422.2"),
    "text": (b"this is no photo", "422.1"),
    "a zip": (b"PK\x03\x04", "422.1"),
    "a JPEG of 100 megapixels": (jpeg_of(frame(10_000, 10_000), SCAN, END), "422.4"),
    "a JPEG without height": (jpeg_of(frame(10, 0), SCAN, END), "422.1"),
    "a JPEG with two frames": (jpeg_of(frame(9, 9), frame(65_000, 65_000), SCAN, END), "422.1"),
    "a JPEG that browsers cannot read": (jpeg_of(frame(9, 9, 0xC9), SCAN, END), "422.1"),
    "a JPEG without pixels": (jpeg_of(frame(9, 9), END), "422.1"),
    "a JPEG without end": (jpeg_of(frame(9, 9), SCAN), "422.1"),
    "a JPEG of ever so many passes": (jpeg_of(frame(9, 9), SCAN * 101, END), "422.1"),
    "a JPEG of ever so many segments": (jpeg_of(b"\xff\xfe\0\x02" * MAX_SEGMENTS, frame(9, 9), SCAN, END), "422.1"),
    "a segment longer than the file": (jpeg_of(b"\xff\xe1\xff\xff"), "422.1"),
    "a segment without length": (jpeg_of(b"\xff\xe1\0\0"), "422.1"),
    "only padding": (jpeg_of(b"\xff" * 100), "422.1"),
    "a PNG of 100 megapixels": (
        START
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0))
        + chunk(b"IDAT")
        + chunk(b"IEND"),
        "422.4",
    ),
    "a PNG without end": (png()[:-12], "422.1"),
    "a PNG cut short": (png()[:20], "422.1"),
    "a PNG with a flipped bit": (png()[:60] + bytes([png()[60] ^ 1]) + png()[61:], "422.1"),
    "a PNG with two headers": (START + chunk(b"IHDR", HEADER) * 2 + chunk(b"IDAT") + chunk(b"IEND"), "422.1"),
    "a PNG without pixels": (START + chunk(b"IHDR", HEADER) + chunk(b"IEND"), "422.1"),
    "a PNG with an unknown chunk that matters": (
        START + chunk(b"IHDR", HEADER) + chunk(b"CgBI", b"x") + chunk(b"IDAT") + chunk(b"IEND"),
        "422.1",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_whole_picture_is_refused_with_its_reason(what: str) -> None:
    content, number = REFUSED[what]
    with pytest.raises(Problem) as refusal:
        read_picture(content, "p")
    assert refusal.value.number == number


def test_twelve_megabytes_made_to_keep_us_busy_do_not() -> None:
    """The limit of pytest-timeout is no measure; a second is, for 12 MB that need ten milliseconds."""
    import time

    begun = time.monotonic()
    for busy in (b"\xff" * 12_000_000, b"\xff\0" * 6_000_000, b"\xff\xfe\0\x02" * 3_000_000, b"\xff\xd0" * 6_000_000):
        for content in (jpeg_of(busy), jpeg_of(frame(9, 9), SCAN, busy), START + busy):
            with pytest.raises(Problem):
                read_picture(content, "p")
    assert time.monotonic() - begun < 5


def test_no_bytes_break_the_reader() -> None:
    """Real photos with bytes flipped, cut and doubled: refused or read, and what is read says what its header says."""
    chance = random.Random(7)
    for seed in (jpeg(6), jpeg(progressive=True), png()):
        for _ in range(400):
            content = bytearray(seed)
            for _ in range(chance.randint(1, 6)):
                at = chance.randrange(len(content))
                content[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
            try:
                picture = read_picture(bytes(content), "p")
            except Problem:
                continue
            assert read_picture(picture.content, "p").content == picture.content
