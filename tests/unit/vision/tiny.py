"""A counting network small enough to train and export in seconds."""

from pestwatch.vision.shape import Block, Shape

TINY = Shape(
    "tiny",
    stem=8,
    blocks=(Block(1, 0, 8, 1), Block(2, 16, 8, 2), Block(3, 24, 8, 1), Block(4, 24, 16, 2), Block(5, 32, 16, 2)),
    head=8,
    tile_px=64,
    overlap_px=16,
)
