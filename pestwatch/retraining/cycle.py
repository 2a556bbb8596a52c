"""One region learns: select, train the head, transplant, measure, judge. Station 7 of 9; next, pestwatch/release/registry.py.

Of the family only `small` is retrained, and released alone: the other sizes and the gate follow the base line. Starts from the base's float weights every time, never from the region's last model: errors do not pile up, and
the file differs from the base's in its head only. What is measured and judged is the exported file.

Promises: a job leaves result.json with a verdict and its reason, whatever happens; a refusal is a result, not an
error. TensorFlow is loaded only when there is something to train.
"""

import json
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.errors import Problem
from pestwatch.release.candidate import Candidate
from pestwatch.release.card import CardFacts
from pestwatch.release.manifest import GOLDEN_NAME, WEIGHTS_NAME, model_name, sidecar_name
from pestwatch.retraining import messages
from pestwatch.retraining.examples import is_readable, judging_example, miscounted, teaching_example, without_picture
from pestwatch.retraining.gate import Paired, judge_golden, judge_guard, judge_region, judge_selection, judge_size
from pestwatch.retraining.job import (
    CANDIDATE_NAME,
    GateRow,
    Job,
    Photo,
    Recipe,
    Result,
    TrainPlan,
    read_job,
    write_result,
)
from pestwatch.retraining.messages import Message, message
from pestwatch.retraining.selection import Selection, select
from pestwatch.vision.dataset import Example
from pestwatch.vision.drawn import rehearsal
from pestwatch.vision.evaluate import measure
from pestwatch.vision.infer import Counter, count_photo
from pestwatch.vision.shape import FAMILY
from pestwatch.vision.sidecar import released, sidecar_bytes
from pestwatch.vision.transplant import KernelAndBias, head_weights, transplant

MODEL_NAME, SIDECAR_NAME = model_name("small"), sidecar_name("small")
# Frozen: the same drawn photos in every run, and never the same to learn from and to judge by.
REHEARSAL_SEED = 1
GUARD_SEED = 2

Tell = Callable[[float, str], None]


def print_progress(share: float, stage: str) -> None:
    """One line per step for the process that waits: progress 0.35 training."""
    print(f"progress {share:.2f} {stage}", flush=True)


def run(folder: Path, tell: Tell = print_progress) -> Result:
    """Runs one job.

    Args:
      folder: with job.json and the photos; result.json is left there, and a promoted model in `candidate`.
      tell: told the share done and the stage.

    Returns:
      The result that was written.
    """
    try:
        result = _cycle(folder, tell)
    except Problem as problem:
        result = Result("failed", Message(problem.sentence, dict(problem.params)))
    except Exception as error:  # noqa: BLE001 - a run ends with a reason, the traceback goes to the log
        traceback.print_exc()
        result = Result("failed", message(messages.BROKE_OFF, detail=f"{type(error).__name__}: {error}"))
    write_result(folder, result)
    tell(1.0, result.verdict)
    return result


def _cycle(folder: Path, tell: Tell) -> Result:
    job, recipe = read_job(folder)
    tell(0.02, "selecting")
    readable = [photo for photo in job.photos if is_readable(folder, photo)]
    selection = select(job.region, readable, recipe.selection, recipe.gate.min_traps)
    rows = judge_selection(selection, recipe.gate, recipe.train.min_insects)
    if not all(row.passed for row in rows):
        return _refused(rows)
    files = _learn(folder, job, recipe, selection, tell)
    tell(0.8, "measuring")
    current, candidate = Counter.from_release(Path(job.current)), _counter(files)
    errors, metrics = _measure_region(folder, selection.held_out, current, candidate)
    rows.append(judge_region(errors, recipe.gate, job.seed))
    tell(0.92, "judging")
    guard = rehearsal(recipe.gate.guard_photos, GUARD_SEED)
    rows.append(judge_guard(_errors(current, guard), _errors(candidate, guard), recipe.gate))
    golden = {name: count_photo(files[GOLDEN_NAME], model).counts for name, model in _named(current, candidate)}
    rows.append(judge_golden(golden["current"], golden["candidate"], recipe.gate))
    rows.append(judge_size(len(files[MODEL_NAME]), recipe.gate))
    if not all(row.passed for row in rows):
        return _refused(rows, metrics)
    Candidate(
        files=files,
        golden_counts={"small": golden["candidate"]},
        metrics={
            "small": {"held-out photos": metrics["candidate"], "the same photos, the model before": metrics["current"]}
        },
        facts=_facts(job, recipe, selection, rows),
        base_version=_version(Path(job.base)),
    ).write(folder / CANDIDATE_NAME)
    gained = message(messages.PROMOTED, **{name: _mean(getattr(errors, name)) for name in ("current", "candidate")})
    return Result("promoted", gained, metrics, tuple(rows), tuple(files))


def _refused(rows: Sequence[GateRow], metrics: Mapping[str, Any] | None = None) -> Result:
    """Refused for the first gate that did not let it pass."""
    reason = next(row.reason for row in rows if not row.passed)
    return Result("refused", reason, dict(metrics or {}), tuple(rows))


def _learn(folder: Path, job: Job, recipe: Recipe, selection: Selection, tell: Tell) -> dict[str, bytes]:
    """Trains a head on the region's photos and puts it into the base's file.

    Returns:
      Name -> content of the candidate's files.
    """
    base, plan = Path(job.base), recipe.train
    tell(0.05, "reading photos")
    taught = _taught(selection, plan)
    counter = Counter.from_release(base)
    photos = [teaching_example(folder, photo, counter, taught) for photo in selection.training]
    head = _train(base, photos, plan, job.seed, tell)
    tell(0.72, "exporting")
    model = transplant((base / MODEL_NAME).read_bytes(), head)
    # The base's thresholds stay: picked anew on the photos that taught, they came out too high for others.
    # So do its intervals: a region's held-out photos are too few to set them on and to judge by.
    described = released(json.loads((base / SIDECAR_NAME).read_bytes()), job.version, model)
    golden = (base / GOLDEN_NAME).read_bytes()
    return {MODEL_NAME: model, SIDECAR_NAME: sidecar_bytes(described), GOLDEN_NAME: golden}


def _train(
    base: Path, photos: Sequence[Example], plan: TrainPlan, seed: int, tell: Tell
) -> Mapping[str, KernelAndBias]:
    """The one step that needs TensorFlow."""
    tell(0.08, "loading TensorFlow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from pestwatch.vision.model import load_float
    from pestwatch.vision.recipe import Settings
    from pestwatch.vision.train import fit

    model = load_float(FAMILY["small"], base / WEIGHTS_NAME)
    before = head_weights(model)
    drawn = rehearsal(plan.rehearsal_photos, REHEARSAL_SEED)
    weights = [(1 - plan.rehearsal_share) / len(photos)] * len(photos) + [plan.rehearsal_share / len(drawn)] * len(
        drawn
    )

    def done(step: int, _loss: float) -> None:
        tell(0.12 + 0.6 * step / plan.steps, "training")

    fit(
        model,
        [*photos, *drawn],
        plan.steps,
        seed,
        progress=done,
        weights=weights,
        settings=Settings(**plan.settings),
    )
    return {name: _blended(before[name], after, plan.blend) for name, after in head_weights(model).items()}


def _taught(selection: Selection, plan: TrainPlan) -> list[str]:
    """The species that the training photos show often enough."""
    return [species for species, count in selection.training_insects.items() if count >= plan.min_insects]


def _blended(before: KernelAndBias, after: KernelAndBias, share: float) -> KernelAndBias:
    """A layer between the base's and the trained one.

    Source: Wortsman et al. 2022, arXiv 2109.01903 (weight-space ensembles of a network before and after fine-tuning).
    """
    kernel, bias = ((1 - share) * old + share * new for old, new in zip(before, after, strict=True))
    return kernel, bias


def _measure_region(
    folder: Path, held_out: Sequence[Photo], current: Counter, candidate: Counter
) -> tuple[Paired, dict[str, Any]]:
    """Counts every held-out photo with both models, one photo in memory at a time."""
    truths: list[Example] = []
    counted: dict[str, list[tuple[int, ...]]] = {"current": [], "candidate": []}
    for photo in held_out:
        example = judging_example(folder, photo)
        for name, model in _named(current, candidate):
            counted[name].append(tuple(model.count_image(example.image).counts.values()))
        truths.append(without_picture(example))
    errors = {
        name: [float(miscounted(*pair)) for pair in zip(truths, found, strict=True)] for name, found in counted.items()
    }
    metrics = {name: measure(PHOTO_COUNTED, truths, found).to_json() for name, found in counted.items()}
    return Paired(errors["current"], errors["candidate"], [photo.trap for photo in held_out]), metrics


def _errors(counter: Counter, examples: Sequence[Example]) -> list[float]:
    return [
        float(miscounted(example, tuple(counter.count_image(example.image).counts.values()))) for example in examples
    ]


def _facts(job: Job, recipe: Recipe, selection: Selection, rows: Sequence[GateRow]) -> CardFacts:
    """The words of the model card."""
    learnt, judged, base = selection.training, selection.held_out, _version(Path(job.base))
    return CardFacts(
        summary=f"Counts insects on trap photos of region {job.region}: the encoder of {base}, with a head that learnt from recounts of the region's officers.",
        trained_on=(
            f"{len(learnt)} photos of {selection.training_traps} traps, taken {learnt[0].taken_at:%Y-%m-%d} to {learnt[-1].taken_at:%Y-%m-%d}, every insect marked by an officer.",
            f"{recipe.train.rehearsal_photos} drawn photos, {recipe.train.rehearsal_share:.0%} of the crops, so that the head does not forget other species and empty traps.",
        ),
        limits=(
            f"Judged on {len(judged)} photos of {selection.held_out_traps} traps that it did not learn from; other regions, traps and cameras were not tried.",
            f"Everything that the card of {base} says it cannot do.",
        ),
        origin=(f"Encoder and file of {base}; its card names weights, photos and licences.",),
        gates=tuple((row.name, row.detail) for row in rows),
    )


def _counter(files: Mapping[str, bytes]) -> Counter:
    return Counter(files[MODEL_NAME], json.loads(files[SIDECAR_NAME]))


def _named(current: Counter, candidate: Counter) -> tuple[tuple[str, Counter], ...]:
    return ("current", current), ("candidate", candidate)


def _version(release: Path) -> str:
    return str(json.loads((release / SIDECAR_NAME).read_bytes())["version"])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
