"""The command line: `pestwatch VERB`. Verbs are named like the modules that they run.

Imports live inside the verbs: counting must not load TensorFlow, and no verb must wait for another's libraries.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click

from pestwatch import __version__
from pestwatch.errors import Problem
from pestwatch.release.manifest import SIZES, Size

REPOSITORY = Path(__file__).resolve().parent.parent

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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Counts pests on trap photos, trains and ships the models that count, keeps the catalogues."""


def models_dir() -> Path:
    """The shelf of models: PESTWATCH_MODELS_DIR, else the repository's."""
    return Path(os.environ.get("PESTWATCH_MODELS_DIR") or REPOSITORY / "mobile_models")


def recount_file() -> Path:
    """What two readers found on the measuring photos beside the published boxes."""
    return models_dir() / "recounts" / "tuta_delta.csv"


def current_base() -> Path:
    """The folder of the base release in use.

    Raises:
      Problem 404.1: none is installed.
    """
    base = models_dir() / "releases" / "base"
    try:
        version = json.loads((base / "current.json").read_text(encoding="utf-8"))["version"]
    except FileNotFoundError as error:
        raise Problem("404.1", name=str(base)) from error
    return base / str(version)


def _hush_tensorflow() -> None:
    """Lets TensorFlow speak of errors only; it reads this when it is loaded."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _need_photos(photos: Path | None) -> Path:
    """Leaves with one line when the photo sets are not at hand: they are no part of the project."""
    if photos is None:
        click.echo("Skipped: this needs the trap photo sets. Give their folder with --photos or PESTWATCH_PHOTOS.")
        sys.exit(0)
    _hush_tensorflow()
    return photos


@main.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PHOTO...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line and photo.")
@click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Release folder; the base in use when not given.",
)
@click.option(
    "--size",
    type=click.Choice(SIZES),
    help="Network of the family; when not given the most exact one that the release holds, while phones use small.",
)
@click.option(
    "--engine",
    type=click.Choice(("litert", "wasm")),
    default="litert",
    show_default=True,
    help="What runs the network: LiteRT as on the server, or the phone's own kernels (pip install 'pestwatch[wasm]').",
)
def count(
    photos: Sequence[Path], *, as_json: bool, model: Path | None, size: str | None, engine: Literal["litert", "wasm"]
) -> None:
    """Counts the pests on each PHOTO. A photo that cannot be read is named, and the others are still counted."""
    from pestwatch.count_table import count_one, print_counts
    from pestwatch.vision.infer import Counter

    try:
        folder = model or current_base()
        counter = Counter.from_release(folder, size=size or _sizes_in(folder, ".tflite")[-1], engine=engine)
    except Problem as problem:
        raise click.ClickException(str(problem)) from problem
    except ModuleNotFoundError as error:
        message = f"--engine wasm needs {error.name}: pip install 'pestwatch[wasm]'"
        raise click.ClickException(message) from error
    rows = [count_one(path, counter) for path in photos]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
    else:
        print_counts(rows, counter.labels, counter.name)
    if any("problem" in row for row in rows):
        sys.exit(1)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR")
@click.option(
    "--format", "written", default="auto", show_default=True, help="How the labels are written, such as coco."
)
@click.option(
    "--species",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='Species map: a TOML file of lines such as "pink bollworm" = "PECTGO", or "by_catch".',
)
@click.option("--check", is_flag=True, help="Decode every photo, to find the damaged ones.")
def data(folder: Path, written: str, species: Path | None, *, check: bool) -> None:
    """Says what labelled photos are in DIR: by split, with boxes, counts and traps, and what was skipped."""
    from pestwatch.vision.labels.opened import FORMATS, open_photos
    from pestwatch.vision.labels.species_map import read_species_map
    from pestwatch.vision.labels.summary import summary

    if written not in FORMATS:
        raise click.BadParameter(f"{written} is none of {', '.join(FORMATS)}", param_hint="--format")
    try:
        opened = open_photos(folder, written, read_species_map(species) if species else None)
        if check:
            opened = opened.checked()
    except Problem as problem:
        raise click.ClickException(str(problem)) from problem
    for line in summary(opened):
        click.echo(line)


@main.command()
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


def _sizes_in(folder: Path, suffix: str, chosen: Sequence[str] = ()) -> list[Size]:
    """The sizes to work on: those chosen, else all of which a file lies in the folder.

    Raises:
      ClickException: there is none.
    """
    found = [size for size in SIZES if size in chosen or (not chosen and (folder / f"{size}{suffix}").exists())]
    if not found:
        raise click.ClickException(f"{folder} holds no SIZE{suffix}: run the step before this one.")
    return found


@main.command()
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
    for size in _sizes_in(work, ".weights.npz", sizes):
        shape = FAMILY[size]
        tiles = calibration_tiles(examples, plan.calibration_tiles, shape.tile_px)
        model = export(load_float(shape, weights_path(work, size)), shape, tiles)
        (work / f"{size}.tflite").write_bytes(model)
        click.echo(f"wrote {work / f'{size}.tflite'}, {len(model)} bytes")


@main.command()
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
    chosen = _sizes_in(folder, ".tflite", sizes)
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


@main.command()
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


@main.command()
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
        collected = candidate(work, version, _sizes_in(work, ".json"), _recipe(recipe).card)
    except Problem as problem:
        raise click.ClickException(str(problem)) from problem
    shelf = models_dir()
    now = datetime.now(UTC).replace(microsecond=0)
    made = publish_base(shelf / "releases", shelf / "keys", version, collected, now=now)
    click.echo(f"released {made.folder}")


@main.command()
@click.argument("step", type=click.Choice(["extract", "update", "compile"]))
def catalogs(step: str) -> None:
    """Collects strings, merges them into every language, or compiles them for phone and server."""
    from pestwatch import catalogs as steps

    {"extract": steps.extract, "update": steps.update, "compile": steps.compile_all}[step]()


@main.command()
@click.option(
    "--job",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with job.json and the recounted photos; result.json is left there.",
)
def retrain(job: Path) -> None:
    """Runs one region's learning cycle on an exported job. A refusal is a result, not an error."""
    _hush_tensorflow()
    from pestwatch.retraining.cycle import run

    result = run(job)
    click.echo(f"{result.verdict}: {result.reason.message % result.reason.params}")
    if result.verdict == "failed":
        sys.exit(1)


@main.command()
@click.option("--pest", required=True, help="Species that the lure draws, such as HELIAR.")
@click.option("--crop", required=True, help="Crop around the trap, such as cotton.")
@click.option("--count", "insects", required=True, type=click.IntRange(0, 5000), help="Insects in the trap.")
@click.option("--nights", type=click.FloatRange(min=0, min_open=True), help="Nights since it was emptied.")
@click.option("--lure-age-days", type=click.IntRange(min=0), help="Days since the lure was changed.")
@click.option("--state", help="State whose thresholds apply, such as IN-MH.")
@click.option("--locale", default="en", show_default=True, help="Language: en, hi, mr or te.")
@click.option("--json", "as_json", is_flag=True, help="The Advice as JSON.")
def advise(
    *,
    pest: str,
    crop: str,
    insects: int,
    nights: float | None,
    lure_age_days: int | None,
    state: str | None,
    locale: str,
    as_json: bool,
) -> None:
    """Says what one count of one trap means, as the phone would."""
    from datetime import UTC, datetime

    from pestwatch.advisory.render import level_name, sentences
    from pestwatch.advisory.rules import Reading
    from pestwatch.advisory.rules import advise as judge
    from pestwatch.domain.species import SPECIES

    if pest not in SPECIES:
        raise click.BadParameter(f"{pest} is none of {', '.join(SPECIES)}", param_hint="--pest")
    now = datetime.now(UTC)
    reading = Reading(taken_at=now, count=insects, nights=nights, lure_age_days=lure_age_days)
    advice = judge(pest, crop, [reading], now, state=state).to_json()
    if as_json:
        click.echo(json.dumps(advice, ensure_ascii=False))
        return
    click.echo(level_name(advice["level"], locale))
    for sentence in sentences(advice, locale):
        click.echo(sentence)
