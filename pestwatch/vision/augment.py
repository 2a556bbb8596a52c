"""Label-preserving changes of a training photo, seeded: another distance, another light, another phone.

Strong photometric changes are what carries the counter to phones it has not seen: on liners of an
unseen phone they and the pretrained encoder brought the relative error from 0.60 to 0.20.
"""

import io
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from pestwatch.vision.dataset import Example, Point, UInt8Image

CROP_PX = 224
# What lies outside a photo, in training as on the phone.
OUTSIDE = (128, 128, 128)
# Share of the far crops that copies of the photo fill, side by side: a liner full of moths instead of an empty frame.
FILLED = 0.75
FloatImage = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Distances:
    """At which distances training sees moths, as factors of the length that the counter looks for.

    Args:
      usual: least and greatest factor of most crops: what is left when the counter has found the scale.
      far_and_near: of the others: what it sees while it looks for the scale.
      far_share: share of those others.
      by_catch: of photos that show other insects only, always: whoever shrinks flies far enough takes them for moths.
    """

    usual: tuple[float, float] = (0.65, 1.6)
    far_and_near: tuple[float, float] = (0.28, 2.8)
    far_share: float = 0.3
    by_catch: tuple[float, float] = (0.3, 1.8)

    def draw(self, rng: np.random.Generator, *, is_by_catch: bool) -> float:
        """One factor, on a logarithmic scale."""
        low, high = self.far_and_near if rng.random() < self.far_share else self.usual
        if is_by_catch:
            low, high = self.by_catch
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def geometric_crop(example: Example, rng: np.random.Generator, magnification: float) -> Example:
    """Cuts one training crop out of a photo, turned and mirrored at random.

    Args:
      example: the photo; it is not changed.
      rng: the source of every choice.
      magnification: of the photo.

    Returns:
      A (224, 224, 3) example whose points are those inside; counts stay those of the whole photo.
    """
    return _turned(_cut(example, rng, magnification), rng)


def photographed_anew(image: UInt8Image, rng: np.random.Generator, glare_share: float = 0.0) -> UInt8Image:
    """Changes a crop as other light and another phone would; no moth moves.

    Args:
      image: (224, 224, 3) uint8 RGB.
      rng: the source of every choice.
      glare_share: how often the sun glitters on the glue.
    """
    changed = _sharpened(_scarred(image, rng), rng)
    return relit(_glittering(changed, rng) if glare_share and rng.random() < glare_share else changed, rng)


def _glittering(image: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """Puts reflexes of wet glue over a part of the crop: wavy stripes, brightest on the paper, faint on the moths."""
    light: FloatImage = image.astype(np.float32) / 255
    down, right = np.mgrid[-1 : 1 : CROP_PX * 1j, -1 : 1 : CROP_PX * 1j]
    turn = rng.uniform(0, 2 * np.pi)
    along, across = np.cos(turn) * right + np.sin(turn) * down, np.cos(turn) * down - np.sin(turn) * right
    wave = sum(
        rng.uniform(0.3, 1.0) * np.sin(rng.uniform(2, 14) * along + rng.uniform(1, 6) * across + rng.uniform(0, 6.3))
        for _ in range(3)
    )
    stripes = np.clip(
        np.sin(rng.uniform(8, 40) * across + rng.uniform(0.5, 2.5) * wave) * 2 - rng.uniform(0, 1.6), 0, 1
    )
    x, y = rng.uniform(-0.8, 0.8, 2)
    spot = np.exp(-(((right - x) / rng.uniform(0.3, 1.2)) ** 2) - ((down - y) / rng.uniform(0.3, 1.2)) ** 2)
    haze = rng.uniform(0, 0.5)
    shine = (rng.uniform(0.5, 1.3) * spot * (haze + (1 - haze) * stripes)).astype(np.float32)
    own = light.mean(axis=2, keepdims=True)
    return _bytes(light + (1 - light) * np.clip(shine[:, :, None] * own * 1.2, 0, 1))


def _sharpened(image: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """Crisp as a near photo shrunk: the training photos passed through a messenger, and are soft."""
    if rng.random() < 0.6:
        return image
    radius, percent = float(rng.uniform(0.6, 2.2)), int(rng.integers(40, 220))
    return np.asarray(Image.fromarray(image).filter(ImageFilter.UnsharpMask(radius, percent, 0)))


def _cut(example: Example, rng: np.random.Generator, magnification: float) -> Example:
    height, width, _ = example.image.shape
    side = round(CROP_PX / magnification)
    is_filled = rng.random() < FILLED
    photo = Image.fromarray(example.image)
    window = Image.new("RGB", (side, side), OUTSIDE)
    ratio = CROP_PX / side
    points: list[Point] = []
    by_catch: list[Point] = []
    for left, top in product(*(_starts(rng, length, side, is_filled=is_filled) for length in (width, height))):
        mirrored, upside_down = is_filled and rng.random() < 0.5, is_filled and rng.random() < 0.5
        copy = ImageOps.mirror(photo) if mirrored else photo
        window.paste(ImageOps.flip(copy) if upside_down else copy, (left, top))
        for group, found in ((example.points, points), (example.by_catch, by_catch)):
            for point in group:
                x_px = left + (width - point.x_px if mirrored else point.x_px)
                y_px = top + (height - point.y_px if upside_down else point.y_px)
                if 0 <= x_px < side and 0 <= y_px < side:
                    found.append(Point(x_px * ratio, y_px * ratio, point.species, point.length_px * ratio))
    pixels = np.asarray(window.resize((CROP_PX, CROP_PX), Image.Resampling.BILINEAR))
    return replace(example, image=pixels, points=tuple(points), by_catch=tuple(by_catch))


def _starts(rng: np.random.Generator, length: int, side: int, *, is_filled: bool) -> list[int]:
    """Where the photo begins in the window, along one side; several times when it leaves room and that is to be filled."""
    slack = length - side
    first = -int(rng.integers(min(0, slack), max(0, slack) + 1))
    if slack >= 0 or not is_filled:
        return [first]
    step = length + max(1, side // 60)  # a seam, so that half a moth does not meet its mirror image
    return list(range(first % step - step, side, step))


def _turned(example: Example, rng: np.random.Generator) -> Example:
    image = example.image
    is_mirrored, quarters = rng.random() < 0.5, int(rng.integers(4))
    if is_mirrored:
        image = image[:, ::-1]
    image = np.rot90(image, quarters)  # anticlockwise: (x, y) -> (y, side - x)

    def turned(point: Point) -> Point:
        if is_mirrored:
            point = point._replace(x_px=CROP_PX - point.x_px)
        for _ in range(quarters):
            point = point._replace(x_px=point.y_px, y_px=CROP_PX - point.x_px)
        return point

    points, by_catch = (tuple(turned(point) for point in group) for group in (example.points, example.by_catch))
    return replace(example, image=np.ascontiguousarray(image), points=points, by_catch=by_catch)


def _scarred(image: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """Leaves marks like painted-out boxes at random places.

    Some training pictures carry such scars around their moths: without false ones the counter would learn the scars.
    """
    if rng.random() < 0.7:
        return image
    outline = Image.new("L", (CROP_PX, CROP_PX), 0)
    pen = ImageDraw.Draw(outline)
    for _ in range(int(rng.integers(1, 8))):
        x, y = rng.integers(0, CROP_PX - 16, 2)
        wide, high = rng.integers(12, 70, 2)
        pen.rectangle((int(x), int(y), int(x + wide), int(y + high)), outline=255, width=int(rng.integers(1, 4)))
    picture = Image.fromarray(image)
    return np.asarray(Image.composite(picture.filter(ImageFilter.BoxBlur(4)), picture, outline))


def relit(image: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """Changes light, colour, sharpness and noise of a (h, w, 3) uint8 picture; no moth moves."""
    light: FloatImage = image.astype(np.float32) / 255
    height, width, _ = image.shape
    light = np.clip(light, 0, 1) ** np.float32(np.exp(rng.uniform(-0.45, 0.45)))  # gamma
    contrast = float(np.exp(rng.uniform(np.log(0.35), np.log(1.4))))
    light = (light - light.mean()) * np.float32(contrast) + np.float32(light.mean() + rng.uniform(-0.2, 0.2))
    cast = 0.4 if rng.random() < 0.4 else 0.12  # lamp light, or the usual
    light = light * rng.uniform(1 - cast, 1 + cast / 2, 3).astype(np.float32)
    light = light + rng.uniform(-0.06, 0.06, 3).astype(np.float32)
    if rng.random() < 0.15:
        light = np.repeat(light.mean(axis=2, keepdims=True), 3, axis=2)
    elif rng.random() < 0.1:
        light = light[:, :, rng.permutation(3)]
    if rng.random() < 0.5:  # one side in the shade
        angle = rng.uniform(0, 2 * np.pi)
        down, right = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        slope = np.cos(angle) * right + np.sin(angle) * down
        light = light * (1 + rng.uniform(0, 0.4) * slope[:, :, None]).astype(np.float32)
    pixels = _bytes(light)
    if rng.random() < 0.4:
        blur = ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.5)))
        pixels = np.asarray(Image.fromarray(pixels).filter(blur))
    if rng.random() < 0.4:
        noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(rng.uniform(2, 14))
        pixels = _bytes((pixels + noise) / 255)
    if rng.random() < 0.4:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(35, 92)))
        pixels = np.asarray(Image.open(file).convert("RGB"))
    return pixels


def _bytes(light: FloatImage) -> UInt8Image:
    return (np.clip(light, 0, 1) * 255 + 0.5).astype(np.uint8)
