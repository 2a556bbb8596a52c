"""The command line: `pestwatch VERB`. Verbs are named like the modules that they run.

Imports live inside the verbs: counting must not load TensorFlow, and no verb must wait for another's libraries.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from pestwatch import __version__
from pestwatch.errors import Problem
from pestwatch.release.manifest import SIZES
from pestwatch.shelf import current_base
from pestwatch.teaching import evaluate, gate, hush_tensorflow, quantize, release, sizes_in, train


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Counts pests on trap photos, trains and ships the models that count, keeps the catalogues."""


for verb in (train, quantize, evaluate, gate, release):
    main.add_command(verb)


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
        counter = Counter.from_release(folder, size=size or sizes_in(folder, ".tflite")[-1], engine=engine)
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
@click.argument("step", type=click.Choice(["extract", "update", "compile"]))
def catalogs(step: str) -> None:
    """Collects strings, merges them into every language, or compiles them for phone and server."""
    from pestwatch import catalogs as steps

    {"extract": steps.extract, "update": steps.update, "compile": steps.compile_all}[step]()


@main.command()
@click.option(
    "--script", metavar="LOCALE", help="Print what is to be recorded in a language, as CSV, instead of building."
)
def sound(script: str | None) -> None:
    """Makes the clips that the app reads aloud. A machine without the synthesizer builds the app without sound."""
    try:
        from pestwatch.sound.build import build
        from pestwatch.sound.script import as_csv

        for line in as_csv(script) if script else build():
            click.echo(line)
    except (ImportError, OSError) as error:
        click.echo(f"the app is built without sound, as this machine cannot make it: {error}", err=True)


@main.command()
@click.option(
    "--job",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with job.json and the recounted photos; result.json is left there.",
)
def retrain(job: Path) -> None:
    """Runs one region's learning cycle on an exported job. A refusal is a result, not an error."""
    hush_tensorflow()
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
