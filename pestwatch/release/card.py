"""Manifest and what is known about the making of a model, to MODEL_CARD.md.

A card says what the model counts, what it learnt from, how wrong it is and what it was never tried on, in words that an
extension officer can read.

Source: Mitchell et al. 2019, arXiv 1810.03993 (model cards), shortened.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pestwatch.release.manifest import Counts, Manifest, ReleaseFile

CARD_NAME = "MODEL_CARD.md"


class CardFacts(msgspec.Struct, frozen=True):
    """What the manifest does not say.

    Args:
      summary: one paragraph: what it counts, for whom.
      trained_on: sentences about the training photos.
      limits: sentences about what it cannot do or was not tried on.
      origin: sentences about where weights and photos come from, with licences.
      gates: what the candidate had to pass, as (name, what was found).
      pictures: name of a card-*.png among the files -> what it shows.
    """

    summary: str
    trained_on: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    gates: tuple[tuple[str, str], ...] = ()
    pictures: Mapping[str, str] = {}


def render_card(manifest: Manifest, facts: CardFacts) -> str:
    """Writes the card.

    Args:
      manifest: its metrics are shown as tables, one per size and evaluation.
      facts: the rest.

    Returns:
      Markdown, ending in a newline; the same for the same arguments.
    """
    lines = [
        f"# {manifest.version}",
        "",
        facts.summary,
        "",
        f"- Region: {manifest.region}",
        f"- Made: {manifest.created_at:%Y-%m-%d}; to be checked again by {manifest.expires_at:%Y-%m-%d}",
        f"- Started from: {manifest.base_version or 'ImageNet weights'}",
    ]
    lines += [
        f"- On its golden picture `{size}` counts {_counts(manifest.golden.counts[size])}" for size in manifest.sizes
    ]
    lines += _files(manifest.files)
    lines += _listed("What it learnt from", facts.trained_on)
    for size in manifest.sizes:
        for name, metrics in manifest.metrics.get(size, {}).items():
            lines += _table(f"{size}, {name}", metrics)
    lines += _listed(
        "How well the gate judges", [f"{name}: {found}" for name, found in manifest.metrics.get("gate", {}).items()]
    )
    lines += _pictures(manifest.files, facts.pictures)
    lines += _listed("What it had to pass", [f"{name}: {found}" for name, found in facts.gates])
    lines += _listed("What it cannot do", facts.limits)
    lines += _listed("Where it comes from", facts.origin)
    return "\n".join(lines) + "\n"


def _counts(counts: Counts) -> str:
    return ", ".join(f"{count} {species}" for species, count in counts.items())


def _files(entries: Sequence[ReleaseFile]) -> list[str]:
    rows = [f"| `{entry.name}` | {entry.size_bytes:,} | `{entry.sha256}` |" for entry in entries]
    return ["", "## Files", "", "| file | bytes | SHA-256 |", "|---|---|---|", *rows]


def _pictures(entries: Sequence[ReleaseFile], shown: Mapping[str, str]) -> list[str]:
    """Every picture of the release under what it shows."""
    pictures = [entry.name for entry in entries if entry.role == "card"]
    lines = [
        line for name in pictures for line in ("", f"![{shown.get(name, name)}]({name})", "", shown.get(name, name))
    ]
    return ["", "## Pictures", *lines] if pictures else []


def _listed(title: str, sentences: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {sentence}" for sentence in sentences)] if sentences else []


def _table(name: str, metrics: Mapping[str, Any]) -> list[str]:
    """One evaluation as rows of species; errors are in insects per photo."""
    head = ["", f"## How well it counts: {name}", ""]
    head += [
        "| species | photos | insects | mean absolute error | relative error | bias | R² |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = []
    for species, row in metrics.get("per_species", {}).items():
        cells = [species, row["n"], row["insects"], *(_figure(row[key]) for key in ("mae", "wape", "bias", "r2"))]
        rows.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return head + rows if rows else []


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
