"""Leaves a training job in a folder: job.json, and the photos that people have recounted."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine

from pestwatch.release.manifest import BASE_REGION
from pestwatch.release.registry import find_current, next_version
from pestwatch.retraining.job import JOB_NAME
from server.config import Settings
from server.db.catches import Catch, photos_for_training
from server.db.photo_files import PhotoFiles, open_photo_files
from server.db.session import session_scope

REGION_RECIPE = "region.toml"
SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png"}


def export_job(
    settings: Settings, engine: Engine, folder: Path, region: str, run: int, seed: int, now: datetime
) -> str:
    """Writes the job.

    Args:
      settings: where photos, releases and recipes lie.
      engine: the database.
      folder: is made; one that a former attempt left is emptied.
      region: whose model.
      run: number of the row in `training_runs`.
      seed: of the run.
      now: whole seconds, UTC.

    Returns:
      The version that the model will have.

    Raises:
      Problem 404.1: there is no base release to start from.
    """
    shipped, own = settings.models_dir / "releases", settings.releases_dir
    version = next_version(region, now, own)
    recipe = settings.recipes_dir / f"{region}.toml"
    with session_scope(engine, read_only=True) as session:
        recounted = photos_for_training(session, region)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "photos").mkdir(parents=True, mode=0o700)
    files = open_photo_files(settings)
    photos = [photo for catch in recounted if (photo := _export_photo(files, folder, catch)) is not None]
    job = {
        "v": 1,
        "region": region,
        "run": run,
        "seed": seed,
        "now": now,
        "version": version,
        "base": str(find_current(BASE_REGION, shipped).folder.resolve()),
        "current": str(find_current(region, own, shipped).folder.resolve()),
        "recipe": str((recipe if recipe.exists() else settings.recipes_dir / REGION_RECIPE).resolve()),
        "photos": photos,
    }
    (folder / JOB_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(job), indent=1))
    return version


def _export_photo(files: PhotoFiles, folder: Path, catch: Catch) -> dict[str, Any] | None:
    """Puts one photo into the job; None if its file has gone, which training survives."""
    if catch.photo is None or catch.recount is None:
        return None
    file = f"photos/{catch.photo.sha256}{SUFFIXES[catch.photo.media_type]}"
    place = folder / file
    if not place.exists() and not files.place(catch.photo.sha256, place):
        return None
    recount = {"counts": catch.recount.counts, "marks": catch.recount.marks, "by": catch.recount.by}
    return {
        "sha256": catch.photo.sha256,
        "file": file,
        "trap": str(catch.trap),
        "taken_at": catch.taken_at,
        "recount": recount,
    }
