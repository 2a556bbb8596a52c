"""Manifest and what is known about the making of a model, to MODEL_CARD.md.

A card says what the model counts, what it learnt from, how wrong it is and what it was never tried on, in words that an
extension officer can read.

Source: Mitchell et al. 2019, arXiv 1810.03993 (model cards), shortened.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pestwatch.release.manifest import Manifest

CARD_NAME = "MODEL_CARD.md"


class CardFacts(msgspec.Struct, frozen=True):
    """What the manifest does not say.

    Args:
      summary: one paragraph: what it counts, for whom.
      trained_on: sentences about the training photos.
      limits: sentences about what it cannot do or was not tried on.
      origin: sentences about where weights and photos come from, with licences.
      gates: what the candidate had to pass, as (name, what was found).
    """

    summary: str
    trained_on: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    gates: tuple[tuple[str, str], ...] = ()


def render_card(manifest: Manifest, facts: CardFacts) -> str:
    """Writes the card.

    Args:
      manifest: its metrics are shown as tables, one per evaluation.
      facts: the rest.

    Returns:
      Markdown, ending in a newline; the same for the same arguments.
    """
    model = next(entry for entry in manifest.files if entry.role == "model")
    lines = [
        f"# {manifest.version}",
        "",
        facts.summary,
        "",
        f"- Region: {manifest.region}",
        f"- Made: {manifest.created_at:%Y-%m-%d}; to be checked again by {manifest.expires_at:%Y-%m-%d}",
        f"- Model file: {model.size_bytes:,} bytes, SHA-256 `{model.sha256}`",
        f"- Started from: {manifest.base_version or 'ImageNet weights'}",
        f"- On its golden picture it counts {_counts(manifest.golden.counts)}",
    ]
    lines += _listed("What it learnt from", facts.trained_on)
    for name, metrics in manifest.metrics.items():
        lines += _table(name, metrics)
    lines += _listed("What it had to pass", [f"{name}: {found}" for name, found in facts.gates])
    lines += _listed("What it cannot do", facts.limits)
    lines += _listed("Where it comes from", facts.origin)
    return "\n".join(lines) + "\n"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {species}" for species, count in counts.items())


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
