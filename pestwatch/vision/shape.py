"""How large a counting network is: its widths and depth, what they cost, and the family of three that we ship.

One coefficient scales everything: `phi` 0 is `base`, and every step down narrows the network, thins its head and takes
blocks from its deep end together, because a network that is only narrowed or only cut short counts worse at the same
cost.

Source: Tan and Le 2019, arXiv 1905.11946 (compound scaling); Sandler et al. 2018, arXiv 1801.04381, table 2 (the
widths at phi 0).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

# Depthwise kernels of the phone's engine work on eight channels at a time.
EIGHT = 8


class Block(NamedTuple):
    """One inverted residual: widen to `expanded` channels (none when 0), filter, project to `channels`."""

    number: int
    expanded: int
    channels: int
    stride: int


@dataclass(frozen=True)
class Shape:
    """The widths of a counting network.

    Args:
      name: of the file, such as small.
      stem: channels of the first convolution, at stride 2.
      blocks: from entry to exit; strides 2 bring the picture to a quarter, an eighth and a sixteenth.
      head: channels of the pyramid that joins the three strides.
      tile_px: side of the square that one run reads, a multiple of 16.
      overlap_px: what neighbouring tiles share.
    """

    name: str
    stem: int
    blocks: tuple[Block, ...]
    head: int
    tile_px: int = 512
    overlap_px: int = 64

    @property
    def taps(self) -> tuple[int, int, int]:
        """Numbers of the last blocks at strides 4, 8 and 16: what the head reads."""
        last: dict[int, int] = {}
        stride = 2
        for block in self.blocks:
            stride *= block.stride
            last[stride] = block.number
        return last[4], last[8], last[16]


# (expansion, channels, blocks, stride) per stage of MobileNetV2, up to stride 16.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2))


def eights(channels: float, least: int = EIGHT) -> int:
    """The nearest multiple of eight."""
    return max(least, int(channels / EIGHT + 0.5) * EIGHT)


@dataclass(frozen=True)
class Compound:
    """What one step of the compound coefficient leaves of each width.

    Args:
      stream: of the stem and of the channels between blocks.
      fine: of the channels inside the blocks up to stride 4, where a channel costs most time.
      middle: of those at stride 8.
      coarse: of those at stride 16, where a channel costs most bytes and next to no time.
      head: of the pyramid's channels.
      blocks: taken away at stride 16.
    """

    stream: float = 0.75
    fine: float = 0.6
    middle: float = 0.7
    coarse: float = 0.85
    head: float = 0.75
    blocks: int = 1


def scaled(name: str, phi: float, by: Compound, *, tile_px: int = 512, overlap_px: int = 64) -> Shape:
    """The network at one place of the family.

    Args:
      name: of the file.
      phi: 0 is MobileNetV2's beginning with a head of 48 channels, -1 one step smaller.
      by: what a step leaves.
      tile_px: side of one run's square.
      overlap_px: what tiles share.
    """
    steps = -phi
    keep = (by.fine**steps, by.fine**steps, by.middle**steps, by.coarse**steps)
    stem = eights(32 * by.stream**steps)
    blocks: list[Block] = []
    for (times, channels, count, stride), expansion in zip(STAGES, keep, strict=True):
        is_deep = channels == STAGES[-1][1]
        for place in range(count - round(by.blocks * steps) if is_deep else count):
            expanded = 0 if times == 1 else eights(_full_width(len(blocks)) * times * expansion)
            width = eights(channels * by.stream**steps)
            blocks.append(Block(len(blocks) + 1, expanded, width, stride if place == 0 else 1))
    return Shape(name, stem, tuple(blocks), eights(48 * by.head**steps), tile_px, overlap_px)


def _full_width(number: int) -> int:
    """Channels that come into a block of the full network."""
    widths = [32, *(channels for _, channels, count, _ in STAGES for _ in range(count))]
    return widths[number]


class Cost(NamedTuple):
    """What one run takes.

    Args:
      weights: numbers to store, biases included, batch norm folded away.
      macs: multiply-accumulates.
      peak_bytes: most bytes of int8 activations that live at the same time.
    """

    weights: int
    macs: int
    peak_bytes: int


def cost(shape: Shape, outputs: int, tile_px: int | None = None) -> Cost:
    """Counts a network's cost by its layers.

    Args:
      shape: the network.
      outputs: channels of its answer.
      tile_px: side of the picture; the shape's own when None.
    """
    side = tile_px or shape.tile_px
    weights = macs = 0
    half = (side // 2) ** 2
    peak = side * side * 3 + half * shape.stem
    kept: dict[int, int] = {}  # bytes that wait for the head

    def layer(area: int, taps: int, channels_in: int, channels_out: int, *, by_channel: bool = False) -> None:
        nonlocal weights, macs
        per_place = taps * channels_out * (1 if by_channel else channels_in)
        weights += per_place + channels_out
        macs += area * per_place

    layer(half, 9, 3, shape.stem)
    area, entry, stride = half, shape.stem, 2
    for block in shape.blocks:
        inner = block.expanded or entry
        residual = area * entry if block.stride == 1 and entry == block.channels else 0
        waiting = sum(kept.values())
        if block.expanded:
            layer(area, 1, entry, inner)
            peak = max(peak, waiting + area * (entry + inner))
        after = area // block.stride**2
        layer(after, 9, inner, inner, by_channel=True)
        layer(after, 1, inner, block.channels)
        peak = max(peak, waiting + residual + area * inner + after * inner)
        peak = max(peak, waiting + residual + after * (inner + block.channels))
        stride *= block.stride
        area, entry = after, block.channels
        if block.number in shape.taps:
            kept[stride] = area * entry
    fine, middle, coarse = (next(b for b in shape.blocks if b.number == tap) for tap in shape.taps)
    for channels, at in ((coarse.channels, 16), (middle.channels, 8), (fine.channels, 4)):
        layer((side // at) ** 2, 1, channels, shape.head)
    for at, times in ((8, 1), (4, 2)):
        for _ in range(times):
            layer((side // at) ** 2, 9, shape.head, shape.head, by_channel=True)
            layer((side // at) ** 2, 1, shape.head, shape.head)
    layer((side // 4) ** 2, 1, shape.head, outputs)
    peak = max(peak, (side // 4) ** 2 * (fine.channels + 2 * shape.head))
    return Cost(weights, macs, peak)


# The best of the eight that bench/search.py tried under the limits of `small` and `nano` (mobile_models/recipes/search.json).
STEP = Compound(stream=0.75, fine=0.34, middle=0.5, coarse=0.85, head=0.67, blocks=1)
FAMILY: Mapping[str, Shape] = {
    "nano": scaled("nano", -2, STEP, tile_px=160, overlap_px=32),
    "small": scaled("small", -1, STEP),
    "base": scaled("base", 0, STEP),
}
