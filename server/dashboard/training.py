"""Model page: what the region counts with, what was tried, and why it was taken or refused; "Retrain now" asks for a run.

The button inserts a row and nothing else: the worker finds it (docs/adr/0004).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flask import Blueprint, g, redirect, render_template, url_for
from werkzeug.wrappers import Response

from pestwatch.errors import Problem
from pestwatch.i18n import N_
from pestwatch.release.manifest import Manifest
from pestwatch.release.registry import find_current
from server import auth
from server.config import Settings, current_settings, current_time
from server.db import audit, catches, work
from server.db.session import request_scope

STATES: Mapping[str, str] = {
    "queued": N_("waiting"),
    "running": N_("running"),
    "promoted": N_("taken into use"),
    "refused": N_("refused"),
    "failed": N_("failed"),
}
STAGES: Mapping[str, str] = {
    "selecting": N_("choosing photos"),
    "reading photos": N_("reading photos"),
    "loading TensorFlow": N_("loading TensorFlow"),
    "training": N_("training"),
    "exporting": N_("exporting"),
    "measuring": N_("measuring"),
    "judging": N_("judging"),
    "signing": N_("signing"),
}
GATES: Mapping[str, str] = {
    "training photos": N_("photos to learn from"),
    "training traps": N_("traps to learn from"),
    "held-out photos": N_("photos to judge by"),
    "held-out traps": N_("traps to judge by"),
    "training insects": N_("insects to learn from"),
    "held-out insects": N_("insects to judge by"),
    "region": N_("better or equal on this region's photos"),
    "guard": N_("nothing forgotten"),
    "golden picture": N_("golden picture"),
    "size": N_("small enough for phones"),
}


WAITS_FOR = (
    N_("the training tools (TensorFlow), which are not installed here yet"),
    N_("the training packages are being installed (about 1.5 GB)"),
    N_("installing the training packages failed; it is tried again at the next start"),
    N_("The worker stopped %(attempts)s times before it finished."),
)
"""What the worker and the supervisor write into a run; named here for the catalogue."""
EVALUATIONS: Mapping[str, str] = {
    "val": N_("sticky liners of a trap it did not learn from"),
    "test_trap": N_("sticky liners of another such trap"),
    "test_noctuid": N_("sticky liners with large moths"),
    "funnel_val": N_("camera in a funnel trap, moths that it learnt from too: hopeful"),
    "held-out photos": N_("this region's photos set apart"),
    "the same photos, the model before": N_("the same photos, the model before"),
}


@dataclass(frozen=True)
class Figures:
    """One row of the current model's evaluation."""

    evaluation: str
    species: str
    photos: int
    insects_per_photo: float
    mae: float


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/regions/<region>/model", view_func=show_model)
    blueprint.add_url_rule("/regions/<region>/model/retrain", view_func=retrain_now, methods=["POST"])


def show_model(region: str) -> str:
    """The current model and the runs, newest first."""
    settings = current_settings()
    with request_scope(read_only=True) as session:
        row = auth.allowed_region(session, g.staff, region)
        runs = work.runs_of(session, row.id)
        recounted = sum(catch.counted_by == "officer" for catch in catches.photos_for_training(session, row.id))
        manifest = _current(settings, row.id)
        return render_template(
            "model.html",
            region=row,
            manifest=manifest,
            figures=list(_figures(manifest)) if manifest else [],
            runs=runs,
            busy=any(run.state in {"queued", "running"} for run in runs),
            recounted=recounted,
            states=STATES,
            stages=STAGES,
            gates=GATES,
            evaluations=EVALUATIONS,
        )


def retrain_now(region: str) -> Response:
    """Asks for a run; while one is active, that one is the answer."""
    with request_scope() as session:
        row = auth.allowed_region(session, g.staff, region, "train")
        run = work.request_run(session, row.id, current_time(), staff=g.staff.id)
        audit.note(session, "retrain", f"run {run.id}", staff=g.staff.id, now=current_time(), region=row.id)
    return redirect(url_for("dashboard.show_model", region=row.id, _anchor="runs"))


def _current(settings: Settings, region: str) -> Manifest | None:
    try:
        return find_current(region, settings.releases_dir, settings.models_dir / "releases").manifest
    except Problem as problem:
        if problem.status != 404:
            raise
        return None


def _figures(manifest: Manifest) -> Iterator[Figures]:
    """Errors of `small` on the sets that have a name here, for species that were really there; the card has the rest."""
    measured = manifest.metrics.get("small", {})
    for evaluation in EVALUATIONS:
        for species, found in measured.get(evaluation, {}).get("per_species", {}).items():
            if found["insects"]:
                yield Figures(evaluation, species, found["n"], found["insects"] / found["n"], found["mae"])
