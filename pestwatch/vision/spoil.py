"""Makes bad photos out of good ones, one way each: what teaches the photo gate, and what measures it.

How bad is told in lengths of the usual moth, not in pixels: a blur that hides moths on a photo of the whole liner is nothing
on a photo of a corner of it. Between good and bad every change leaves a gap that is neither trained nor measured.
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from pestwatch.vision.dataset import UInt8Image
from pestwatch.vision.paste import Patch

FloatImage = npt.NDArray[np.float32]
Corners = npt.NDArray[np.float64]
"""(4, 2): x and y in pixels of the photo, clockwise from the trap's own left top."""

# Standard deviation of a defocus, and length of a shake, in lengths of the usual moth: moths run into one another.
DEFOCUS = (0.2, 0.6)
SHAKE = (0.9, 2.2)
# Part of the light that is left, and how often over the top it is: nothing is left to see in the shadows or in the light.
DARK = (0.02, 0.13)
OVEREXPOSED = (2.2, 6.0)
# Share of the photo that glare burns out.
GLARED = (0.35, 0.85)
# Long side of the trap as a share of the photo's: far away, and as near as it should be.
FAR = (0.07, 0.24)
NEAR = (0.55, 1.0)
# Share of the trap that a good photo shows at least.
NEAR_SEEN = 0.8
# Share of the trap, and of the photo, that a cut-off trap still shows and fills.
CUT_TRAP = (0.12, 0.42)
CUT_PHOTO = (0.1, 0.45)
# Share of the paper that lies under moths.
SATURATED = (0.85, 0.99)
# Light of the paper that a moth leaves at most.
MOTH_COVER = 0.85
SCENE_SIDE_PX = 512
# So often a place is drawn until it is as wanted.
MOST_PLACES = 60


def blurred(image: UInt8Image, moth_px: float, rng: np.random.Generator) -> UInt8Image:
    """Out of focus or shaken; noise and JPEG come after, as in a phone."""
    if rng.random() < 0.5:
        soft = _defocused(image, moth_px * _between(rng, DEFOCUS))
    else:
        soft = _shaken(image, moth_px * _between(rng, SHAKE), float(rng.uniform(0, np.pi)))
    return _taken(soft.astype(np.float32), rng)


def _defocused(image: UInt8Image, sigma_px: float) -> UInt8Image:
    # Two boxes, as a lens blurs: a disk has hardly any of a bell's tails.
    kernel = ImageFilter.BoxBlur(float(sigma_px) * 1.2)
    return np.asarray(Image.fromarray(image).filter(kernel).filter(kernel))


def _shaken(image: UInt8Image, length_px: float, angle: float) -> UInt8Image:
    picture = Image.fromarray(image)
    steps = max(3, round(length_px))
    total = np.zeros(image.shape, np.float32)
    for step in np.linspace(-0.5, 0.5, steps):
        shift = (step * length_px * np.cos(angle), step * length_px * np.sin(angle))
        edge = _edge(picture, shift)
        total += np.asarray(edge, np.float32)
    moved: UInt8Image = (total / steps + 0.5).astype(np.uint8)
    return moved


def _edge(picture: Image.Image, shift: tuple[float, float]) -> Image.Image:
    """Moved by a part of its size, with its own border drawn out over what would be empty."""
    margin = int(np.ceil(max(map(abs, shift)))) + 1
    wide = Image.fromarray(np.pad(np.asarray(picture), ((margin, margin), (margin, margin), (0, 0)), "edge"))
    matrix = (1, 0, margin + shift[0], 0, 1, margin + shift[1])
    return wide.transform(picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def darkened(image: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """Taken in the dark: little light, and the sensor's noise in it."""
    return _taken(image * np.float32(_between(rng, DARK)), rng, noise=(1.0, 6.0))


def overexposed(image: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """Burnt out: the paper is white, and the moths on it are going."""
    light = image * np.float32(_between(rng, OVEREXPOSED)) + np.float32(rng.uniform(30, 90))
    return _taken(light, rng)


def glaring(image: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """The sun or a lamp in the glue: one burnt patch with a soft border."""
    height, width, _ = image.shape
    share = _between(rng, GLARED)
    down, right = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height
    lean, flat = rng.uniform(0, np.pi), rng.uniform(0.5, 1.0)
    along = (right - x) * np.cos(lean) + (down - y) * np.sin(lean)
    across = (-(right - x) * np.sin(lean) + (down - y) * np.cos(lean)) / flat
    far = np.hypot(along, across)
    reach = np.quantile(far, share)
    shine = np.clip((reach * rng.uniform(1.05, 1.4) - far) / (0.25 * reach), 0, 1)[:, :, None]
    return _taken(image * (1 - shine) + shine * np.float32(rng.uniform(254, 275)), rng)


def far_away(trap: UInt8Image, scene: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """The trap small in a scene."""
    share = _between(rng, FAR)
    return _placed(trap, scene, rng, lambda: share, margin=0.05, wanted=lambda seen, _filled: seen > 0.8)


def near_enough(trap: UInt8Image, scene: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """A good photo of a whole trap with something around it."""
    return _placed(
        trap, scene, rng, lambda: _between(rng, NEAR), margin=0.42, wanted=lambda seen, _filled: seen > NEAR_SEEN
    )


def cut_off(trap: UInt8Image, scene: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """Most of the trap outside the photo."""

    def is_cut(seen: float, filled: float) -> bool:
        return CUT_TRAP[0] <= seen <= CUT_TRAP[1] and CUT_PHOTO[0] <= filled <= CUT_PHOTO[1]

    return _placed(trap, scene, rng, lambda: float(rng.uniform(0.7, 1.5)), margin=-0.1, wanted=is_cut)


def _placed(
    trap: UInt8Image,
    scene: UInt8Image,
    rng: np.random.Generator,
    share: Callable[[], float],
    margin: float,
    wanted: Callable[[float, float], bool],
) -> UInt8Image:
    """Lays a trap into a scene, turned and a little askew, with a shadow and perhaps a coloured rim.

    Args:
      trap: (h, w, 3) uint8, seen from above.
      scene: (h, w, 3) uint8; its long side becomes 512 px.
      rng: of the place, the turn and the rim.
      share: draws the long side of the trap as a share of the photo's.
      margin: least distance of the trap's centre from the photo's border, as a share of its side; 0.5 is in the middle.
      wanted: says yes to a place, told which share of the trap lies inside the photo and which of the photo it fills.
    """
    ground = _at_side(scene, SCENE_SIDE_PX)
    size = (ground.shape[1], ground.shape[0])
    rimmed = _rimmed(trap, rng)
    for _ in range(MOST_PLACES):
        corners = _corners(rimmed.shape, size, share(), margin, rng)
        if wanted(*_shares(corners, size)):
            break
    long_px = float(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).max())
    # Shrinking before turning keeps thin lines: the turn takes single pixels.
    small = _at_side(rimmed, max(8, round(long_px))) if long_px < max(rimmed.shape) else rimmed
    cover = _filled(corners, size)
    shadow = np.asarray(Image.fromarray(cover).filter(ImageFilter.GaussianBlur(6)), np.float32)[:, :, None] / 255
    alpha = cover.astype(np.float32)[:, :, None] / 255
    mixed = ground * (1 - 0.4 * shadow) * (1 - alpha) + _laid(small, corners, size) * alpha
    placed: UInt8Image = (mixed + 0.5).astype(np.uint8)
    return placed


def _corners(
    shape: tuple[int, ...], size: tuple[int, int], share: float, margin: float, rng: np.random.Generator
) -> Corners:
    """Where a trap's corners come to lie in a photo of (width, height)."""
    tall, wide = shape[:2]
    turn = float(rng.normal(0, 0.15)) + np.pi / 2 * int(rng.integers(4))
    centre = np.array([rng.uniform(margin, 1 - margin) * side for side in size])
    flat = np.array([[-wide, -tall], [wide, -tall], [wide, tall], [-wide, tall]])
    flat = flat * share * SCENE_SIDE_PX / max(tall, wide) / 2
    flat *= 1 + rng.normal(0, 0.04, (4, 2))  # perspective
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners: Corners = flat @ spin + centre
    return corners


def _shares(corners: Corners, size: tuple[int, int]) -> tuple[float, float]:
    """Share of the trap that lies inside the photo, and share of the photo that it fills."""
    coarse = (size[0] // 4, size[1] // 4)
    filled = float(_filled(corners / 4, coarse).mean()) / 255
    x, y = corners[:, 0], corners[:, 1]
    area = abs(float(np.sum(x * np.roll(y, 1) - np.roll(x, 1) * y))) / 2
    return filled * size[0] * size[1] / area, filled


def _rimmed(trap: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """Now and then with the walls of a delta trap on two sides."""
    if rng.random() < 0.6:
        return trap
    walls = np.array([[235, 235, 230], [200, 40, 40], [230, 200, 60], [60, 120, 60]])[int(rng.integers(4))]
    tall, _, _ = trap.shape
    thick = round(tall * rng.uniform(0.05, 0.25))
    rim = np.empty((tall + 2 * thick, trap.shape[1], 3), np.uint8)
    rim[:] = np.clip(walls * rng.uniform(0.6, 1.0), 0, 255)
    rim[thick : thick + tall] = trap
    return rim


def _filled(corners: Corners, size: tuple[int, int]) -> UInt8Image:
    finer = Image.new("L", (size[0] * 2, size[1] * 2))
    ImageDraw.Draw(finer).polygon([(float(x) * 2, float(y) * 2) for x, y in corners], 255)
    return np.asarray(finer.resize(size, Image.Resampling.BOX))


def _laid(trap: UInt8Image, corners: Corners, size: tuple[int, int]) -> FloatImage:
    """Seen askew: Pillow asks for the projection from the result back to the source."""
    tall, wide, _ = trap.shape
    source = ((0, 0), (wide, 0), (wide, tall), (0, tall))
    rows, answers = [], []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        answers += [u, v]
    projection = np.linalg.solve(np.array(rows), np.array(answers, np.float64))
    picture = Image.fromarray(trap).transform(
        size, Image.Transform.PERSPECTIVE, projection.tolist(), Image.Resampling.BILINEAR
    )
    return np.asarray(picture, np.float32)


def saturated(paper: UInt8Image, moths: Sequence[Patch], moth_px: float, rng: np.random.Generator) -> UInt8Image:
    """Moths over moths until hardly any paper is left.

    Args:
      paper: (h, w, 3) uint8, best with few moths.
      moths: cut out of photos (paste.patches).
      moth_px: length they get.
      rng: of which, where and how turned.
    """
    light = paper.astype(np.float32)
    ground = paper.mean(axis=(0, 1))
    height, width, _ = paper.shape
    stamps = [_stamp(moths[int(rng.integers(len(moths)))], moth_px, rng) for _ in range(24)]
    under_one = float(np.mean([np.count_nonzero(stamp.min(axis=2) < MOTH_COVER) for stamp in stamps]))
    # Thrown at random, n moths of area a leave exp(-n a / A) of an area A free.
    count = round(-np.log(1 - rng.uniform(*SATURATED)) * height * width / max(1.0, under_one))
    for number in rng.integers(len(stamps), size=count):
        stamp = stamps[number]
        tall, wide, _ = stamp.shape
        left, top = int(rng.integers(-wide // 2, width - wide // 2)), int(rng.integers(-tall // 2, height - tall // 2))
        rows, columns = slice(max(0, top), top + tall), slice(max(0, left), left + wide)
        part = stamp[rows.start - top :, columns.start - left :][: height - rows.start, : width - columns.start]
        # One moth upon another is no darker than a moth alone.
        light[rows, columns] = np.where(part < MOTH_COVER, ground * part, light[rows, columns])
    return np.clip(light + 0.5, 0, 255).astype(np.uint8)


def _stamp(patch: Patch, moth_px: float, rng: np.random.Generator) -> FloatImage:
    length = moth_px * float(np.exp(rng.normal(0, 0.15)))
    ratio = length / patch.length_px
    size = tuple(max(3, round(side * ratio)) for side in patch.cover.shape[1::-1])
    turn = float(rng.uniform(0, 360))
    planes = [
        Image.fromarray(np.ascontiguousarray(patch.cover[:, :, channel]))
        .resize(size, Image.Resampling.BOX)
        .rotate(turn, Image.Resampling.BILINEAR, fillcolor=1.0)
        for channel in range(3)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def _at_side(image: UInt8Image, side_px: int) -> UInt8Image:
    height, width, _ = image.shape
    ratio = side_px / max(height, width)
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))


def _between(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """On a logarithmic scale."""
    return float(np.exp(rng.uniform(*np.log(limits))))


def _taken(light: FloatImage, rng: np.random.Generator, noise: tuple[float, float] = (0.0, 4.0)) -> UInt8Image:
    """What a phone makes of the light: noise, bytes, and mostly JPEG."""
    noisy = light + np.float32(rng.uniform(*noise)) * rng.standard_normal(light.shape, np.float32)
    pixels = np.clip(noisy + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        return pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(60, 95)))
    return np.asarray(Image.open(file).convert("RGB"))
