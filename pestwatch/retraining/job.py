"""What a run is given and what it leaves: job.json and the recipe in, result.json out.

A job is a folder, so that the process that trains shares nothing with the server but files.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from pestwatch.errors import Problem
from pestwatch.release.manifest import Instant
from pestwatch.retraining.messages import Message

JOB_NAME = "job.json"
RESULT_NAME = "result.json"
CANDIDATE_NAME = "candidate"

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class Mark(msgspec.Struct, frozen=True):
    """An insect that a person pointed at: fractions of the upright photo."""

    x: Share
    y: Share
    species: str


class Recount(msgspec.Struct, frozen=True):
    """What a person saw on a photo."""

    counts: dict[str, Annotated[int, msgspec.Meta(ge=0, le=5000)]]
    by: Literal["officer", "farmer"]
    marks: tuple[Mark, ...] | None = None


class Photo(msgspec.Struct, frozen=True):
    """One recounted photo of a job; `file` is relative to the job's folder."""

    sha256: str
    file: str
    trap: str
    taken_at: Instant
    recount: Recount


class Job(msgspec.Struct, frozen=True):
    """What to train, from what, for whom."""

    region: str
    run: int
    seed: int
    now: Instant
    version: str
    base: str
    current: str
    recipe: str
    photos: tuple[Photo, ...] = ()
    v: Literal[1] = 1


class TrainPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[train] of a region's recipe.

    Args:
      steps: optimiser steps.
      rehearsal_photos: drawn photos that keep the head from forgetting what the region does not show.
      rehearsal_share: share of the crops that come from them.
      min_insects: a species with fewer marked insects is not taught: photos without it would only unteach it.
      blend: share of the trained head in the file; the rest is the base's head.
      settings: passed on to pestwatch.vision.train.
    """

    steps: Positive
    rehearsal_photos: Positive
    rehearsal_share: Share
    min_insects: Positive
    blend: Share
    settings: dict[str, Any] = {}


class SelectionPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[selection] of a region's recipe.

    Args:
      held_out_share: share of traps that are set apart for good.
      later_share: only this latest share of all photos is judged by.
      max_training_photos: the newest so many are learnt from.
    """

    held_out_share: Share
    later_share: Share
    max_training_photos: Positive


class GatePlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[gate] of a region's recipe.

    Args:
      min_training_photos: fewer are not learnt from.
      min_training_traps: nor photos of fewer traps.
      min_held_out_insects: fewer insects on the held-out photos do not judge.
      min_photos: fewer held-out photos do not judge.
      min_traps: nor photos of fewer traps.
      worse_share: the error may be this share greater at the upper end of the certainty.
      resamples: of the bootstrap.
      guard_photos: drawn photos of the guard set.
      guard_worse_share: the error on them may be this share greater ...
      guard_slack: ... or this many insects per photo.
      golden_slack: insects by which the golden picture's counts may move.
      max_bytes: of the model file.
    """

    min_training_photos: Positive
    min_training_traps: Positive
    min_held_out_insects: Positive
    min_photos: Positive
    min_traps: Positive
    worse_share: float
    resamples: Positive
    guard_photos: Positive
    guard_worse_share: float
    guard_slack: float
    golden_slack: int
    max_bytes: Positive


class Recipe(msgspec.Struct, frozen=True):
    """A region's recipe; mobile_models/recipes/region.toml explains each number."""

    train: TrainPlan
    selection: SelectionPlan
    gate: GatePlan


class GateRow(msgspec.Struct, frozen=True):
    """One gate: passed or not, and what was found."""

    name: str
    passed: bool
    detail: str
    message: str
    params: dict[str, Any]

    @classmethod
    def of(cls, name: str, passed: bool, found: Message) -> "GateRow":
        """A row from a message."""
        return cls(name, passed, found.text, found.message, found.params)

    @property
    def reason(self) -> Message:
        """What was found, for translation."""
        return Message(self.message, self.params)


class Result(msgspec.Struct, frozen=True):
    """The verdict, with its reason, whatever it is.

    Args:
      verdict: refused is an honest answer, failed is a breakdown.
      reason: the first gate that refused, or what broke, or what was gained.
      metrics: errors on the held-out photos of the current model and of the candidate, when both were measured.
      gates: every gate that was reached.
      files: names in the folder `candidate`; empty unless promoted.
    """

    verdict: Literal["promoted", "refused", "failed"]
    reason: Message
    metrics: dict[str, Any] = {}
    gates: tuple[GateRow, ...] = ()
    files: tuple[str, ...] = ()


def read_job(folder: Path) -> tuple[Job, Recipe]:
    """Reads a job's folder and the recipe that it names.

    Raises:
      Problem 422.26: missing, not understood, or a photo that lies outside the folder.
    """
    try:
        job = msgspec.json.decode((folder / JOB_NAME).read_bytes(), type=Job)
        recipe = msgspec.toml.decode(Path(job.recipe).read_bytes(), type=Recipe)
    except (OSError, msgspec.DecodeError) as error:
        raise Problem("422.26", detail=str(error)) from error
    for photo in job.photos:
        if not (folder / photo.file).resolve().is_relative_to(folder.resolve()):
            raise Problem("422.26", detail=f"{photo.file} is not in the job's folder")
    return job, recipe


def write_result(folder: Path, result: Result) -> None:
    """Leaves result.json, whole or not at all."""
    draft = folder / f".{RESULT_NAME}"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    draft.replace(folder / RESULT_NAME)
