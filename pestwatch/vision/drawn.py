"""Drawn trap photos with known insects, seeded: for tests, for golden pictures, and as the rehearsal of retraining.

The base counter counts their small moths and funnel moths about right and hardly sees their noctuids, and everything about
them is known. They are no evidence of how well a model counts in a field: no card quotes a figure from them as one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.dataset import Example, Point, UInt8Image
from pestwatch.vision.sprites import PAINTERS, Sprite, stain

FloatImage = npt.NDArray[np.float32]

LENGTH_PX: Mapping[str, tuple[float, float]] = {
    "GNORAB": (19.0, 30.0),
    "HELIAR": (38.0, 54.0),
    "NOCTUID_LARGE": (40.0, 58.0),
    "fly": (30.0, 46.0),
    "debris": (3.0, 9.0),
}
"""Least and greatest length in a drawn photo. Source: 5 and 95 % of the boxes of the photos that trained the base."""


@dataclass(frozen=True)
class Scene:
    """What to draw.

    Args:
      width_px: of the photo.
      height_px: of the photo.
      ground: a sticky liner with its grid, or the inside of a funnel.
      insects: species key or "fly" -> how many; fewer are drawn when no room is left.
      debris: specks of dirt.
      light: 1 is daylight, 0.15 is dusk.
      blur_px: how far out of focus.
      noise: standard deviation of the sensor's noise, in levels of 255.
      scale: insects this much larger than usual: the camera was nearer.
    """

    width_px: int = 320
    height_px: int = 320
    ground: Literal["liner", "funnel"] = "liner"
    insects: Mapping[str, int] = field(default_factory=lambda: {"GNORAB": 10})
    debris: int = 25
    light: float = 1.0
    blur_px: float = 0.5
    noise: float = 2.0
    scale: float = 1.0


def draw(scene: Scene, seed: int) -> Example:
    """Draws one photo.

    Returns:
      An example whose points are all its countable insects, trap "drawn/<seed>".
    """
    rng = np.random.default_rng(seed)
    canvas = _liner(scene, rng) if scene.ground == "liner" else _funnel(scene, rng)
    for _ in range(scene.debris):
        speck = PAINTERS["debris"](rng, scene.scale * float(rng.uniform(*LENGTH_PX["debris"])))
        _put(canvas, speck, _anywhere(scene, rng, 4.0), on_glue=False)
    points = []
    for name, x_px, y_px, length_px in _places(scene, rng):
        sprite = PAINTERS[name](rng, length_px)
        _put(canvas, sprite, (x_px, y_px), on_glue=scene.ground == "liner")
        if name in PHOTO_COUNTED:
            points.append(Point(x_px, y_px, PHOTO_COUNTED.index(name), length_px))
    if scene.ground == "liner":
        _glare(canvas, rng)
    return Example(_exposed(canvas, scene, rng), tuple(points), trap=f"drawn/{seed}")


def rehearsal(count: int, seed: int, side_px: int = 320) -> list[Example]:
    """A fixed mixture of drawn photos: all species, by-catch, empty traps, several lights and distances.

    Args:
      count: photos.
      seed: the same seed gives the same photos.
      side_px: of each square photo.
    """
    rng = np.random.default_rng(seed)
    examples = []
    for number in range(count):
        in_funnel = number % 4 == 3
        most = {"HELIAR": 12} if in_funnel else {"GNORAB": 24, "NOCTUID_LARGE": 3, "fly": 5}
        insects = {name: int(rng.integers(0, limit + 1)) for name, limit in most.items()}
        scene = Scene(
            side_px,
            side_px,
            "funnel" if in_funnel else "liner",
            insects if number % 9 else {},
            debris=4 if in_funnel else int(rng.integers(5, 60)),
            light=float(rng.uniform(0.6, 1.05)),
            blur_px=float(rng.uniform(0.3, 0.9)),
            scale=float(rng.uniform(0.9, 1.25)),
        )
        examples.append(draw(scene, int(rng.integers(2**31))))
    return examples


def _places(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[str, float, float, float]]:
    """Yields name, centre and length; neighbours may touch, but do not lie on one another."""
    taken: list[tuple[float, float, float]] = []
    for name, count in scene.insects.items():
        for _ in range(count):
            length_px = scene.scale * float(rng.uniform(*LENGTH_PX[name]))
            for _try in range(60):
                x_px, y_px = _anywhere(scene, rng, length_px / 2)
                if all(np.hypot(x_px - x, y_px - y) > 0.42 * (length_px + other) for x, y, other in taken):
                    taken.append((x_px, y_px, length_px))
                    yield name, x_px, y_px, length_px
                    break


def _anywhere(scene: Scene, rng: np.random.Generator, margin_px: float) -> tuple[float, float]:
    width, height = scene.width_px, scene.height_px
    if scene.ground == "funnel":  # in the bowl
        turn, far = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random()) * 0.8
        return float(width * (0.5 + 0.3 * far * np.cos(turn))), float(height * (0.42 + 0.34 * far * np.sin(turn)))
    return float(rng.uniform(margin_px, width - margin_px)), float(rng.uniform(margin_px, height - margin_px))


def _put(canvas: FloatImage, sprite: Sprite, place_px: tuple[float, float], *, on_glue: bool) -> None:
    """Lays an insect on the canvas, with the stain and shadow around it."""
    side = sprite.cover.shape[0]
    left, top = (round(centre - side / 2) for centre in place_px)
    height, width, _ = canvas.shape
    rows, columns = slice(max(0, top), min(height, top + side)), slice(max(0, left), min(width, left + side))
    inner = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    under = canvas[rows, columns]
    soft = stain(sprite, max(1.0, side / 14))[inner]
    darkened = np.array([0.17, 0.24, 0.34] if on_glue else [0.25, 0.25, 0.25], np.float32)
    cover = sprite.cover[inner]
    canvas[rows, columns] = under * (1 - soft * darkened) * (1 - cover) + sprite.pixels[inner] * cover


def _liner(scene: Scene, rng: np.random.Generator) -> FloatImage:
    """Whitish card with a printed grid, stains and a fall of light."""
    width, height = scene.width_px, scene.height_px
    paper = np.array([206, 205, 204], np.float32) + rng.normal(0, 5) + rng.normal(0, 3, 3).astype(np.float32)
    canvas = np.ones((height, width, 3), np.float32) * paper
    canvas += _clouds(rng, width, height, 0.35)[:, :, None] * 16
    yellowed = np.clip(_clouds(rng, width, height, 0.08) - 0.6, 0, 1)[:, :, None]
    canvas -= yellowed * np.array([10, 18, 40], np.float32)
    lines = Image.new("L", (2 * width, 2 * height))
    pen = ImageDraw.Draw(lines)
    spacing, tilt = 2 * scene.scale * rng.uniform(56, 76), rng.uniform(-0.05, 0.05)
    start_x, start_y = rng.uniform(0.2, 0.9, 2) * spacing
    for number in range(-2, int(2 * max(width, height) / spacing) + 3):
        x, y = start_x + number * spacing, start_y + number * spacing
        pen.line([(x, 0), (x - tilt * 2 * height, 2 * height)], 255, 3)
        pen.line([(0, y), (2 * width, y + tilt * 2 * width)], 255, 3)
    ink = np.asarray(lines.resize((width, height), Image.Resampling.BOX), np.float32)[:, :, None] / 255
    printed: FloatImage = canvas * (1 - 0.78 * ink)
    return printed


def _funnel(scene: Scene, rng: np.random.Generator) -> FloatImage:
    """Green-blue walls, and a pale bowl in the middle."""
    width, height = scene.width_px, scene.height_px
    down, right = np.mgrid[0:height, 0:width].astype(np.float32)
    across, along = right / width, down / height
    wall = np.stack([70 + 40 * across, 122 + 50 * across - 20 * along, 108 + 62 * across - 14 * along], axis=2)
    from_middle = np.hypot((across - 0.5) / 0.3, (along - 0.42) / 0.38)[:, :, None]
    bowl = np.clip((1.05 - from_middle) / 0.08, 0, 1)
    pale = np.array([136, 158, 172], np.float32) + 12 * (0.5 - along[:, :, None])
    canvas: FloatImage = wall * (1 - 0.85 * bowl) + pale * 0.85 * bowl
    canvas += _clouds(rng, width, height, 0.3)[:, :, None] * 8
    return canvas.astype(np.float32)


def _clouds(rng: np.random.Generator, width: int, height: int, size: float) -> FloatImage:
    """Smooth random values around 0, (h, w); `size` is that of a cloud as a share of the picture."""
    cells = max(2, round(1 / size) + 1)
    coarse = Image.fromarray(rng.normal(0, 0.7, (cells, cells)).astype(np.float32))
    smooth: FloatImage = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    return smooth


def _glare(canvas: FloatImage, rng: np.random.Generator) -> None:
    """Streaks where the glue mirrors the sky."""
    height, width, _ = canvas.shape
    streaks = Image.new("L", (width, height))
    pen = ImageDraw.Draw(streaks)
    for _ in range(int(rng.integers(1, 4))):
        x, y, reach = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.1, 0.25) * width
        lean = rng.uniform(-0.3, 0.3)
        pen.line([(x, y), (x + lean * reach, y + reach)], 200, 2)
    shine = np.asarray(streaks.filter(ImageFilter.GaussianBlur(1.2)), np.float32)[:, :, None] / 255
    canvas += (255 - canvas) * shine


def _exposed(canvas: FloatImage, scene: Scene, rng: np.random.Generator) -> UInt8Image:
    """What a camera makes of it: (h, w, 3) uint8."""
    height, width, _ = canvas.shape
    fall = 1 + 0.08 * _clouds(rng, width, height, 1.0)[:, :, None]
    lit = np.clip(canvas * fall * scene.light, 0, 255).astype(np.uint8)
    blurred = Image.fromarray(lit).filter(ImageFilter.GaussianBlur(scene.blur_px))
    noise = scene.noise * rng.standard_normal(canvas.shape, np.float32)
    taken: UInt8Image = np.clip(np.round(np.asarray(blurred, np.float32) + noise), 0, 255).astype(np.uint8)
    return taken
