"""What a folder of labelled photos holds, in lines for a person."""

from collections.abc import Iterator, Sequence

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.vision.labels.labelled import Labelled
from pestwatch.vision.labels.opened import Opened

# Torn traps and skipped files beyond so many are counted, not named.
NAMED = 20


def summary(opened: Opened) -> Iterator[str]:
    """Lines: a table by split, then what a trainer has to know."""
    yield f"format {opened.format}: {len(opened.photos)} photos can be used, {len(opened.skipped)} were skipped"
    insects = opened.insects()
    splits = sorted({photo.split for photo in opened.photos})
    head = ["split", "photos", "boxed", "counted", "empty", "traps", *insects]
    width = max(len("(none)"), *(len(split) for split in splits), 5) if splits else 6
    yield "  ".join([f"{head[0]:{width}}", *head[1:]])
    for split in splits:
        photos = [photo for photo in opened.photos if photo.split == split]
        cells = [len(photos), *_kinds(photos), len({photo.trap for photo in photos if photo.trap})]
        cells += [sum(photo.insects.get(species, 0) for photo in photos) for species in insects]
        numbers = [f"{cell:>{len(name)}}" for cell, name in zip(cells, head[1:], strict=True)]
        yield "  ".join([f"{split or '(none)':{width}}", *numbers])
    for species in insects:
        if species not in PHOTO_COUNTED:
            yield f"{species}: not supported yet; the shipped counter was not trained on it"
    if any(not photo.trap for photo in opened.photos):
        yield "Some photos name no trap: hold nothing out by photo. Write traps.csv (file, trap, taken_at, split)."
    torn = opened.torn_traps()
    yield from _some(
        [f"trap {trap} lies in {' and '.join(found)}: no figure on it counts" for trap, found in torn.items()]
    )
    yield from _some([f"skipped {name}: {why}" for name, why in opened.skipped])


def _kinds(photos: Sequence[Labelled]) -> tuple[int, int, int]:
    """How many have a box per insect, have a count only, show nothing."""
    empty = sum(not sum(photo.insects.values()) for photo in photos)
    counted = sum(photo.counts is not None and sum(photo.insects.values()) > 0 for photo in photos)
    return len(photos) - empty - counted, counted, empty


def _some(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:NAMED]
    if len(lines) > NAMED:
        yield f"... and {len(lines) - NAMED} more"
