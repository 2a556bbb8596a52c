"""Which recounts become training photos, and which judge: split by trap, for good.

A trap is set apart by the hash of (region, trap): it never depends on which photos came in, so what once judged
never teaches. Only when the hash sets too few traps apart to judge at all, those with the least hashes join them;
a small region that grows gives such a trap back at most.

Promises: no trap teaches and judges. A model's own counts never teach: only officers' recounts do, and
only those in which every counted insect is marked (or none was found).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.retraining.job import Photo, SelectionPlan


@dataclass(frozen=True)
class Selection:
    """A region's recounted photos by what they are good for.

    Args:
      training: what teaches, newest last.
      held_out: what judges, newest last.
      unused: recounts that do neither.
    """

    training: tuple[Photo, ...]
    held_out: tuple[Photo, ...]
    unused: int

    @property
    def training_traps(self) -> int:
        """How many traps teach."""
        return len({photo.trap for photo in self.training})

    @property
    def held_out_traps(self) -> int:
        """How many traps judge."""
        return len({photo.trap for photo in self.held_out})

    @property
    def training_insects(self) -> dict[str, int]:
        """Insects that teach, per photo-counted species."""
        return _insects(self.training)

    @property
    def held_out_insects(self) -> dict[str, int]:
        """Insects that judge, per photo-counted species."""
        return _insects(self.held_out)


def select(region: str, photos: Iterable[Photo], plan: SelectionPlan, min_traps: int) -> Selection:
    """Splits a region's recounted photos.

    Args:
      region: whose traps these are.
      photos: recounts in any order; of two of one photo the later in this order counts.
      plan: shares.
      min_traps: so many traps at least are set apart.
    """
    one_each = {photo.sha256: photo for photo in photos}
    usable = sorted((photo for photo in one_each.values() if _is_usable(photo)), key=_by_time)
    apart = held_out_traps(region, {photo.trap for photo in usable}, plan.held_out_share, min_traps)
    since = _start_of_latest(usable, plan.later_share)
    held_out = [photo for photo in usable if photo.trap in apart and since is not None and photo.taken_at >= since]
    teaching = [photo for photo in usable if photo.trap not in apart and is_complete(photo)]
    training = teaching[-plan.max_training_photos :]
    return Selection(tuple(training), tuple(held_out), len(one_each) - len(training) - len(held_out))


def held_out_traps(region: str, traps: Iterable[str], share: float, min_traps: int) -> set[str]:
    """The traps that are set apart: those whose hash lies below the share, and at least `min_traps`."""
    ranked = sorted((_hash(region, trap), trap) for trap in traps)
    return {trap for rank, (place, trap) in enumerate(ranked) if place < share or rank < min_traps}


def is_complete(photo: Photo) -> bool:
    """True when every counted insect has its mark, so that the rest of the photo is known to be background."""
    marks = photo.recount.marks or ()
    return all(
        sum(mark.species == species for mark in marks) == photo.recount.counts.get(species, 0)
        for species in PHOTO_COUNTED
    )


def _is_usable(photo: Photo) -> bool:
    """An officer's recount that speaks of photo-counted species only.

    A photo with another pest is left out: a pink bollworm looks like the moths that are counted here, and would teach
    that they are background.
    """
    counts = photo.recount.counts
    counted = any(species in counts for species in PHOTO_COUNTED)
    others = any(count for species, count in counts.items() if species not in PHOTO_COUNTED)
    return photo.recount.by == "officer" and counted and not others


def _insects(photos: Iterable[Photo]) -> dict[str, int]:
    counts = [photo.recount.counts for photo in photos]
    return {species: sum(found.get(species, 0) for found in counts) for species in PHOTO_COUNTED}


def _hash(region: str, trap: str) -> float:
    """A number in [0, 1) that belongs to the trap."""
    digest = hashlib.sha256(f"{region}/{trap}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def _start_of_latest(photos: list[Photo], share: float) -> datetime | None:
    """When the latest share of the photos, sorted by time, begins."""
    if not photos:
        return None
    return photos[min(len(photos) - 1, int(len(photos) * (1 - share)))].taken_at


def _by_time(photo: Photo) -> tuple[datetime, str]:
    return photo.taken_at, photo.sha256
