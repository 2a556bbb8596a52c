"""What the photo gate is taught and measured with: good photos of traps, and every kind of bad one made of them.

Good are: crops of liners and their parts, whole liners made of crops, liners with something around them, frames from inside a funnel,
drawn traps, empty traps, and traps that hold flies only.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pestwatch.vision import spoil
from pestwatch.vision.augment import relit
from pestwatch.vision.dataset import Example, UInt8Image
from pestwatch.vision.drawn import rehearsal
from pestwatch.vision.gate import REASONS, Reason, gate_tile
from pestwatch.vision.junk import drawn_junk, window
from pestwatch.vision.montage import whole_liner
from pestwatch.vision.paste import Patch, patches
from pestwatch.vision.preprocess import Sizes

GOOD = "good"
# Of the drawn pictures among junk, and of drawn traps among good photos.
DRAWN_SHARE = 0.25
# Share of a side that is shown at least; of a whole liner also the bare paper.
LEAST_PART: Mapping[str, float] = {"funnel": 0.8, "whole liner": 0.85}
# Height of a row of crops on a whole liner, as a share of the liner's.
ROW_SHARE = (0.2, 0.95)
# How often each kind of photo comes; a good one oftener than all kinds of bad ones but junk.
SHARES: Mapping[Reason | str, float] = {
    GOOD: 0.44,
    "not_a_trap": 0.2,
    "too_blurred": 0.1,
    "too_dark": 0.03,
    "too_bright": 0.06,
    "too_far": 0.06,
    "cut_off": 0.06,
    "saturated": 0.05,
}
# What a kind of photo says nothing about: a picture without a trap may be dark or blurred as well, and a trap far away or
# in the dark may as well be called no trap.
SILENT: Mapping[Reason | str, frozenset[Reason]] = {
    GOOD: frozenset(),
    "not_a_trap": frozenset({"too_dark", "too_bright", "too_blurred"}),
    "too_blurred": frozenset({"not_a_trap"}),
    "too_dark": frozenset(REASONS) - {"too_dark"},
    "too_bright": frozenset(REASONS) - {"too_bright"},
    "too_far": frozenset({"not_a_trap"}),
    "cut_off": frozenset({"not_a_trap"}),
    "saturated": frozenset(),
}


@dataclass(frozen=True)
class Traps:
    """The trap photos that shots are made of.

    Args:
      liners: of sticky liners, each list of one set or trap; montages stay within one.
      funnels: frames from inside a funnel.
      moths: to heap onto liners.
    """

    liners: Sequence[Sequence[Example]]
    funnels: Sequence[Example]
    moths: Sequence[Patch]

    @classmethod
    def of(cls, liners: Sequence[Sequence[Example]], funnels: Sequence[Example]) -> "Traps":
        """Cuts the moths out of the liners."""
        return cls(liners, funnels, patches([example for group in liners for example in group]))


@dataclass(frozen=True)
class Shot:
    """One photo as a phone would send it.

    Args:
      image: (h, w, 3) uint8.
      kind: "good" or the reason that it is not.
      source: the kind of trap: liner or funnel, drawn, or junk.
    """

    image: UInt8Image
    kind: Reason | str
    source: str


def shots(
    traps: Traps, junk: Sequence[UInt8Image], count: int, seed: int, kinds: Mapping[Reason | str, float] = SHARES
) -> Iterator[Shot]:
    """Makes photos, each in its own light.

    Args:
      traps: to show.
      junk: pictures without a trap; also what lies around traps.
      count: of shots.
      seed: of every choice.
      kinds: how often each kind comes, relative.
    """
    rng = np.random.default_rng(seed)
    names = list(kinds)
    odds = np.array([kinds[name] for name in names])
    for number in rng.choice(len(names), size=count, p=odds / odds.sum()):
        yield shot(names[number], traps, junk, rng)


def shot(kind: Reason | str, traps: Traps, junk: Sequence[UInt8Image], rng: np.random.Generator) -> Shot:
    """Makes one photo of a kind."""
    if kind == "not_a_trap":
        return Shot(_no_trap(junk, rng), kind, "junk")
    in_funnel = traps.funnels and kind not in _LINERS_ONLY and rng.random() < 0.25
    if in_funnel:
        example, source = traps.funnels[int(rng.integers(len(traps.funnels)))], "funnel"
    else:
        example, source = _liner(traps, rng)
    image = _part(relit(example.image, rng), rng, least=LEAST_PART.get(source, 0.6))
    moth_px = float(example.scale_px or np.median([p.scale_px or 25 for p in traps.liners[0]]))
    scene = window(junk[int(rng.integers(len(junk)))], rng)
    if kind == GOOD:
        is_placed = not in_funnel and rng.random() < 0.35
        return Shot(spoil.near_enough(image, scene, rng) if is_placed else image, kind, source)
    make = _MAKERS[kind]
    return Shot(make(image, moth_px, scene, traps.moths, rng), kind, source)


_LINERS_ONLY = frozenset({"too_far", "cut_off", "saturated"})
Maker = Callable[[UInt8Image, float, UInt8Image, Sequence[Patch], np.random.Generator], UInt8Image]


def _bright(
    image: UInt8Image, _moth: float, _scene: UInt8Image, _moths: object, rng: np.random.Generator
) -> UInt8Image:
    return spoil.overexposed(image, rng) if rng.random() < 0.5 else spoil.glaring(image, rng)


_MAKERS: Mapping[str, Maker] = {
    "too_blurred": lambda image, moth_px, _scene, _moths, rng: spoil.blurred(image, moth_px, rng),
    "too_dark": lambda image, _moth, _scene, _moths, rng: spoil.darkened(image, rng),
    "too_bright": _bright,
    "too_far": lambda image, _moth, scene, _moths, rng: spoil.far_away(image, scene, rng),
    "cut_off": lambda image, _moth, scene, _moths, rng: spoil.cut_off(image, scene, rng),
    "saturated": lambda image, moth_px, _scene, moths, rng: spoil.saturated(image, moths, moth_px, rng),
}


def _no_trap(junk: Sequence[UInt8Image], rng: np.random.Generator) -> UInt8Image:
    if rng.random() < DRAWN_SHARE:
        return window(drawn_junk(rng), rng)
    found = window(junk[int(rng.integers(len(junk)))], rng)
    return relit(found, rng) if rng.random() < 0.5 else found


def _liner(traps: Traps, rng: np.random.Generator) -> tuple[Example, str]:
    """A crop, a whole liner made of crops, or a drawn one."""
    choice = rng.random()
    if choice < 0.15:
        return rehearsal(1, int(rng.integers(2**31)), int(rng.integers(240, 420)))[0], "drawn"
    group = traps.liners[int(rng.integers(len(traps.liners)))]
    if choice < 0.55:
        crops = [group[int(number)] for number in rng.integers(len(group), size=6)]
        megapixels = float(rng.uniform(0.2, 0.5))
        # From five rows of crops down to one with bare paper below and beside it.
        row_px = (megapixels * 1e6 * 3 / 4) ** 0.5 * float(rng.uniform(*ROW_SHARE))
        magnification = row_px / max(max(crop.image.shape[:2]) for crop in crops)
        whole = whole_liner(crops, megapixels, magnification, int(rng.integers(2**31)))
        moth_px = float(np.median([crop.scale_px or 25.0 for crop in crops])) * magnification
        return Example(whole.image, usual_px=moth_px), "whole liner"
    return group[int(rng.integers(len(group)))], "liner"


def whole_liners(crops: Sequence[Example], seed: int, magnifications: Sequence[float] = (2.0, 4.0)) -> list[Example]:
    """Whole liners of 4 megapixels, each made of the crops of one photo."""
    photos = [[crop for crop in crops if crop.taken_at == at] for at in sorted({crop.taken_at for crop in crops})]
    return [whole_liner(of_one, 4, magnification, seed) for of_one in photos for magnification in magnifications]


def _part(image: UInt8Image, rng: np.random.Generator, least: float) -> UInt8Image:
    """A large part of a photo, mirrored and turned at random."""
    height, width, _ = image.shape
    rows, columns = (round(side * rng.uniform(least, 1.0)) for side in (height, width))
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    part = image[top : top + rows, left : left + columns, :]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    return np.ascontiguousarray(np.rot90(part, int(rng.integers(4))))


@dataclass(frozen=True)
class Pool:
    """Shots as the network learns from them.

    Args:
      tiles: (n, 160, 160, 3) uint8.
      truth: (n, r) float32, 1 for the reason that a photo is bad.
      says: (n, r) float32, 0 where a photo says nothing about a reason.
    """

    tiles: UInt8Image
    truth: npt.NDArray[np.float32]
    says: npt.NDArray[np.float32]


def pool(made: Iterable[Shot]) -> Pool:
    """Shrinks shots to tiles and writes down what each of them teaches."""
    kinds, tiles = [], []
    for shot in made:  # one at a time: shots are larger than their tiles
        kinds.append(shot.kind)
        tiles.append(gate_tile(Sizes(shot.image)))
    truth = np.array([[kind == reason for reason in REASONS] for kind in kinds], np.float32)
    says = np.array([[reason not in SILENT[kind] for reason in REASONS] for kind in kinds], np.float32)
    return Pool(np.stack(tiles), truth, says)
