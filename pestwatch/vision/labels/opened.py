"""One way in: a folder of labelled photos, whatever its format, becomes examples for training and measuring."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.errors import Problem
from pestwatch.vision.dataset import Example, helicoverpa_funnel, medfly_delta, tuta_delta
from pestwatch.vision.labels import coco, corrections, tables, voc, yolo
from pestwatch.vision.labels.labelled import Box, Labelled, Skipped
from pestwatch.vision.labels.pictures import Pictures
from pestwatch.vision.labels.raw import Source, settle
from pestwatch.vision.labels.species_map import SpeciesMap

READERS: Mapping[str, Callable[[Path, Pictures], Source]] = {
    "corrections": corrections.read,
    "counts": tables.read_counts,
    "bollwm": tables.read_bollwm,
    "coco": coco.read,
    "voc": voc.read,
    "yolo": yolo.read,
}
PHOTO_SETS = "photo_sets"
AUTO = "auto"
FORMATS = (AUTO, PHOTO_SETS, *READERS)
TRAPS_NAME = "traps.csv"


@dataclass(frozen=True)
class Opened:
    """What a folder holds.

    Args:
      format: one of FORMATS, never auto.
      photos: those that can be used.
      skipped: those that cannot, and why.
    """

    format: str
    photos: tuple[Labelled, ...]
    skipped: tuple[Skipped, ...]

    def examples(self, labels: Sequence[str] = PHOTO_COUNTED, *, skip: Callable[[Skipped], None]) -> Iterator[Example]:
        """Decodes one photo after the other.

        Args:
          labels: species that the model in question counts, in its order.
          skip: told of each photo that turns out to be damaged.

        Raises:
          Problem 422.32: the photos show a species that this model cannot count; before the first is decoded.
        """
        for species in self.insects():
            if species not in labels:
                raise Problem("422.32", species=species)
        for photo in self.photos:
            try:
                yield photo.example(labels)
            except Problem as problem:
                skip(Skipped(photo.name, problem.sentence % problem.params))

    def checked(self) -> Self:
        """Decodes every photo and moves the damaged ones to those that are skipped."""
        damaged: list[Skipped] = []
        every_species = tuple(self.insects())
        for _ in self.examples(every_species or PHOTO_COUNTED, skip=damaged.append):
            pass
        names = {name for name, _ in damaged}
        photos = tuple(photo for photo in self.photos if photo.name not in names)
        return replace(self, photos=photos, skipped=(*self.skipped, *damaged))

    def insects(self) -> Mapping[str, int]:
        """Insects per species over all photos; species that none shows are left out."""
        total: Counter[str] = Counter()
        for photo in self.photos:
            total.update(photo.insects)
        return {species: insects for species, insects in sorted(total.items()) if insects}

    def torn_traps(self) -> Mapping[str, tuple[str, ...]]:
        """Traps that lie in several splits of the source: a figure on such a split means nothing."""
        splits: dict[str, set[str]] = {}
        for photo in self.photos:
            if photo.trap and photo.split:
                splits.setdefault(photo.trap, set()).add(photo.split)
        return {trap: tuple(sorted(found)) for trap, found in sorted(splits.items()) if len(found) > 1}


def open_photos(path: Path, format: str = AUTO, species: SpeciesMap | None = None) -> Opened:  # noqa: A002 - the word for it
    """Reads a folder's labels and the heads of its pictures; nothing is decoded yet.

    A file `traps.csv` (file, trap, taken_at, split) in the folder says what the labels do not.

    Args:
      path: the folder.
      format: one of FORMATS; auto looks for the files that each format has.
      species: what foreign labels mean.

    Raises:
      Problem 422.30: no labels of a known format.
      Problem 422.31: labels that the species map does not explain; all are named.
      Problem 422.33: a label file that stands for many photos is damaged.
    """
    if format == AUTO:
        format = detect(path)  # noqa: A001 - the same thing, now known
    if format == PHOTO_SETS:
        return _photo_sets(path)
    pictures = Pictures(path)
    source = READERS[format](path, pictures)
    keys = (species or SpeciesMap()).keys(source.labels)
    settled = [settle(raw, keys, pictures) for raw in source.photos]
    found = [photo for photo in settled if isinstance(photo, Labelled)]
    skipped = [photo for photo in settled if isinstance(photo, Skipped)]
    if not found and not skipped:
        raise Problem("422.30", name=path.name)
    described = _described(path / TRAPS_NAME)
    photos = tuple(_with(photo, described.get(photo.name, {})) for photo in found)
    return Opened(format, photos, tuple(skipped))


def detect(path: Path) -> str:
    """The format of a folder's labels.

    Raises:
      Problem 422.30: none that is known.
    """
    if any((path / name / "images").is_dir() for name in ("tuta_delta", "helicoverpa_funnel", "medfly_delta")):
        return PHOTO_SETS
    if (path / corrections.JOB_NAME).is_file():
        return "corrections"
    if (path / tables.COUNTS_NAME).is_file():
        return "counts"
    if tables.bollwm_files(path):
        return "bollwm"
    if coco.label_files(path):
        return "coco"
    if voc.label_files(path):
        return "voc"
    if yolo.names_file(path):
        return "yolo"
    raise Problem("422.30", name=path.name)


def _described(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Photo -> its row of traps.csv."""
    return {row.get("file", ""): row for row in tables.rows(path)} if path.is_file() else {}


def _with(photo: Labelled, row: Mapping[str, str]) -> Labelled:
    """What traps.csv states goes before what the labels say."""
    return replace(
        photo,
        trap=row.get("trap") or photo.trap,
        taken_at=row.get("taken_at") or photo.taken_at,
        split=row.get("split") or photo.split,
    )


def _photo_sets(path: Path) -> Opened:
    """The sets that the base recipe learns from; those that are there."""
    photos: list[Labelled] = []
    if (path / "tuta_delta").is_dir():
        for split in ("train", "val", "test_trap", "test_noctuid"):
            photos += [_from_set(example, split) for example in tuta_delta(path, split)]
    if (path / "helicoverpa_funnel").is_dir():
        for split in ("train", "val", "train_plodia"):
            photos += [_from_set(example, split) for example in helicoverpa_funnel(path, split)]
    if (path / "medfly_delta").is_dir():
        for is_held_out, split in ((False, "train"), (True, "by_catch")):
            photos += [_from_set(example, split) for example in medfly_delta(path, held_out=is_held_out)]
    return Opened(PHOTO_SETS, tuple(photos), ())


def _from_set(example: Example, split: str) -> Labelled:
    names = example.labels
    boxes = tuple(
        Box(
            point.x_px - point.length_px / 2,
            point.y_px - point.length_px / 2,
            point.x_px + point.length_px / 2,
            point.y_px + point.length_px / 2,
            names[point.species],
        )
        for point in example.points
    )
    spoken = {index: name for index, name in enumerate(names) if index not in example.silent}
    return Labelled(
        example.source,
        example.image,
        boxes,
        {name: example.counts[index] for index, name in spoken.items()} if example.counts is not None else None,
        frozenset(spoken.values()),
        trap=example.trap,
        taken_at=example.taken_at,
        split=split,
    )
