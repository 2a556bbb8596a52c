"""The verbs that teach: a base line is trained, exported, measured and released; each step hands on a work folder.

Imports live inside the verbs, as in cli.py.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pestwatch.errors import Problem
from pestwatch.release.manifest import SIZES, Size
from pestwatch.shelf import current_base, models_dir, recount_file

photos_option = click.option(
    "--photos",
    envvar="PESTWATCH_PHOTOS",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the trap photo sets; also PESTWATCH_PHOTOS.",
)
recipe_option = click.option(
    "--recipe",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Recipe file; the base's when not given.",
)
sizes_option = click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.Choice(SIZES),
    help="Network of the family; may be given again. All that lie in the folder when not given.",
)
work_option = click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/base"),
    show_default=True,
    help="Folder that the steps hand their results on in.",
)


def hush_tensorflow() -> None:
    """Lets TensorFlow speak of errors only; it reads this when it is loaded."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _need_photos(photos: Path | None) -> Path:
    """Leaves with one line when the photo sets are not at hand: they are no part of the project."""
    if photos is None:
        click.echo("Skipped: this needs the trap photo sets. Give their folder with --photos or PESTWATCH_PHOTOS.")
        sys.exit(0)
    hush_tensorflow()
    return photos


@click.command()
@photos_option
@recipe_option
@work_option
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.Choice(SIZES),
    help="Only this network, may be repeated; small and nano need base's weights in --work. All three when not given.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Fewer than the recipe's, for trying.")
@click.option("--live", is_flag=True, help="Draw loss and error as they form, here and as a page for the browser.")
def train(
    photos: Path | None, recipe: Path | None, work: Path, sizes: Sequence[str], steps: int | None, *, live: bool
) -> None:
    """Trains the family: base from ImageNet weights, small and nano from base. Leaves weights and curves in --work."""
    photos = _need_photos(photos)
    from pestwatch.vision.dataset import GNORAB, tuta_delta
    from pestwatch.vision.family import train_size, training_material
    from pestwatch.vision.glance import glance, judging_set
    from pestwatch.vision.live import Live

    plan = _recipe(recipe)
    material = training_material(photos, plan)
    judged = judging_set(tuta_delta(photos, "val"), GNORAB) if live else ()
    with Live(work, sys.stdout, page=live) as shown:

        def check(step: int, model: Any) -> None:
            shown.error(step, glance(model, judged, GNORAB))

        for name in reversed(SIZES):  # the base first: it teaches the others
            if name not in (sizes or SIZES):
                continue
            shown.begin(name, steps or plan.sizes[name].steps)
            path = train_size(
                name, plan, material, work, progress=shown.loss, check=check if live else None, steps=steps
            )
            click.echo(f"wrote {path}")


def _recipe(path: Path | None) -> Any:
    from pestwatch.vision.recipe import read_recipe

    return read_recipe(path or models_dir() / "recipes" / "base.toml")


def sizes_in(folder: Path, suffix: str, chosen: Sequence[str] = ()) -> list[Size]:
    """The sizes to work on: those chosen, else all of which a file lies in the folder.

    Raises:
      ClickException: there is none.
    """
    found = [size for size in SIZES if size in chosen or (not chosen and (folder / f"{size}{suffix}").exists())]
    if not found:
        raise click.ClickException(f"{folder} holds no SIZE{suffix}: run the step before this one.")
    return found


@click.command()
@photos_option
@recipe_option
@work_option
@sizes_option
def quantize(photos: Path | None, recipe: Path | None, work: Path, sizes: Sequence[str]) -> None:
    """Exports trained networks as full-int8 files."""
    photos = _need_photos(photos)
    from pestwatch.vision.family import training_material
    from pestwatch.vision.model import load_float, weights_path
    from pestwatch.vision.quantize import calibration_tiles
    from pestwatch.vision.quantize import quantize as export
    from pestwatch.vision.shape import FAMILY

    plan = _recipe(recipe)
    examples = training_material(photos, plan).examples
    for size in sizes_in(work, ".weights.npz", sizes):
        shape = FAMILY[size]
        tiles = calibration_tiles(examples, plan.calibration_tiles, shape.tile_px)
        model = export(load_float(shape, weights_path(work, size)), shape, tiles)
        (work / f"{size}.tflite").write_bytes(model)
        click.echo(f"wrote {work / f'{size}.tflite'}, {len(model)} bytes")


@click.command()
@photos_option
@recipe_option
@click.option(
    "--work",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of models in the making: their thresholds are picked and their intervals set first.",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Release folder; the base in use when neither is given.",
)
@sizes_option
def evaluate(
    photos: Path | None, recipe: Path | None, work: Path | None, model: Path | None, sizes: Sequence[str]
) -> None:
    """Measures exported files on photos that they were not trained on."""
    photos = _need_photos(photos)
    from pestwatch.vision.evaluate import evaluate as measure
    from pestwatch.vision.gate import PhotoGate
    from pestwatch.vision.recipe import measuring_sets
    from pestwatch.vision.recount import read_recount
    from pestwatch.work_folder import describe_models, draw_card, keep_metrics

    readings = read_recount(recount_file())
    folder = work or model or current_base()
    chosen = sizes_in(folder, ".tflite", sizes)
    if work:
        describe_models(work, chosen, photos, _recipe(recipe), readings)
    sets = measuring_sets(photos, readings)
    gate = PhotoGate.from_release(folder)
    click.echo(f"{'size':5} {'set':15} {'species':14} photos insects    MAE   WAPE    bias     R2")
    for size in chosen:
        sidecar = json.loads((folder / f"{size}.json").read_text(encoding="utf-8"))
        metrics = {name: measure(folder / f"{size}.tflite", sidecar, examples, gate) for name, examples in sets.items()}
        if work:
            keep_metrics(work, size, {name: found.to_json() for name, found in metrics.items()})
        for name, found in metrics.items():
            for species, row in found.per_species.items():
                figures = "".join(f" {_figure(value):>6}" for value in (row.mae, row.wape, row.bias, row.r2))
                click.echo(f"{size:5} {name:15} {species:14} {row.n:6} {row.insects:7}{figures}")
    if work and "small" in chosen:
        for path in draw_card(work, sets):
            click.echo(f"wrote {path}")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


@click.command()
@photos_option
@click.option(
    "--junk",
    envvar="PESTWATCH_JUNK",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with pictures of no trap, one sub-folder per source; also PESTWATCH_JUNK.",
)
@click.option(
    "--recipe",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Recipe file; mobile_models/recipes/gate.toml when not given.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/gate"),
    show_default=True,
    help="Folder for gate.tflite and gate.json.",
)
def gate(photos: Path | None, junk: Path | None, recipe: Path | None, work: Path) -> None:
    """Teaches the photo gate, exports it and sets its thresholds."""
    photos = _need_photos(photos)
    if junk is None:
        raise click.UsageError("give a folder of pictures without a trap with --junk (docs/photo-gate.md)")
    from pestwatch.vision.gate_recipe import GateRecipe
    from pestwatch.vision.gate_train import make
    from pestwatch.vision.sidecar import sidecar_bytes

    plan = GateRecipe.read(recipe or models_dir() / "recipes" / "gate.toml")

    def tell(step: int, loss: float) -> None:
        click.echo(f"step {step}, loss {loss:.3f}")

    tflite, sidecar = make(plan, photos, junk, progress=tell)
    work.mkdir(parents=True, exist_ok=True)
    (work / "gate.tflite").write_bytes(tflite)
    (work / "gate.json").write_bytes(sidecar_bytes(sidecar))
    click.echo(f"wrote {work / 'gate.tflite'}, {len(tflite)} bytes")


@click.command()
@click.option("--base", "is_base", is_flag=True, required=True, help="Regions are released by their server.")
@click.option("--version", required=True, help="base-<yyyymmdd>-<n>.")
@recipe_option
@work_option
def release(is_base: bool, version: str, recipe: Path | None, work: Path) -> None:  # noqa: ARG001  # the flag is the point
    """Signs the measured models of a work folder, and the gate, with a key made for them; its private half is discarded.

    What is taken from there: every size that was measured, gate.tflite and gate.json, the weights of `small`,
    metrics.json, and pictures card-*.png, which [card.pictures] of the recipe explains.
    """
    from datetime import UTC, datetime

    from pestwatch.release.registry import publish_base
    from pestwatch.work_folder import candidate

    try:
        collected = candidate(work, version, sizes_in(work, ".json"), _recipe(recipe).card)
    except Problem as problem:
        raise click.ClickException(str(problem)) from problem
    shelf = models_dir()
    now = datetime.now(UTC).replace(microsecond=0)
    made = publish_base(shelf / "releases", shelf / "keys", version, collected, now=now)
    click.echo(f"released {made.folder}")
