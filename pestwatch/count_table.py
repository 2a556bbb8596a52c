"""Rows of `pestwatch count`: one photo each, its counts or its problem, as JSON or as a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pestwatch.errors import Problem


def count_one(path: Path, counter: Any) -> dict[str, Any]:
    """Counts one photo; what goes wrong with it is part of the row."""
    from pestwatch.vision.infer import count_photo

    try:
        try:
            return {"photo": str(path)} | count_photo(path, counter).to_json()
        except FileNotFoundError as error:
            raise Problem("404.1", name=str(path)) from error
        except OSError as error:
            raise Problem("422.1", name=path.name) from error
    except Problem as problem:
        detail = {
            "number": problem.number,
            "message": problem.sentence,
            "params": dict(problem.params),
            "text": problem.sentence % problem.params,
        }
        return {"photo": str(path), "problem": detail}


def print_counts(rows: Sequence[dict[str, Any]], labels: Sequence[str], model: str) -> None:
    """Prints the counted photos as a table, then the others with their reason."""
    good = [row for row in rows if "problem" not in row]
    width = max([len("photo"), *(len(row["photo"]) for row in good)])
    cells = {label: [_cell(row, label) for row in good] for label in labels}
    widths = {label: max([len(label), *map(len, cells[label])]) for label in labels}
    if good:
        click.echo("  ".join([f"{'photo':{width}}", *(f"{label:>{widths[label]}}" for label in labels), "gate"]))
    for place, row in enumerate(good):
        numbers = [f"{cells[label][place]:>{widths[label]}}" for label in labels]
        gate = " ".join(filter(None, (row["gate"]["verdict"], row["gate"]["reason"])))
        click.echo("  ".join([f"{row['photo']:{width}}", *numbers, gate]))
    if good:
        click.echo(f"counted by {model}")
    for row in rows:
        if "problem" in row:
            click.echo(f"{row['problem']['number']} {row['photo']}: {row['problem']['text']}", err=True)


def _cell(row: dict[str, Any], label: str) -> str:
    """The count, and between what the truth lies in nine photos of ten when the model knows."""
    count, span = row["counts"][label], row["intervals"].get(label)
    return f"{count} ({span[0]}-{span[1]})" if span else str(count)
