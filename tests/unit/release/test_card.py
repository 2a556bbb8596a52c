from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pestwatch.release.candidate import Candidate
from pestwatch.release.installation import InstallationKeys
from pestwatch.release.registry import publish, publish_base

ROW = {"per_species": {"GNORAB": {"n": 9, "insects": 40, "mae": 1.25, "wape": 0.1, "bias": 0.0, "r2": 0.9}}}
FIGURES = {"base": {"val": ROW}, "nano": {"val": ROW}, "gate": {"AUROC": 0.99}}


def test_the_card_says_what_the_model_counts_how_wrong_it_is_and_what_it_cannot_do(
    shelf: Path, candidate: Candidate, installation: InstallationKeys, now: datetime
) -> None:
    release = publish(shelf, "IN-MH-500", "IN-MH-500-20261125-1", candidate, installation.online, now=now)
    card = (release.folder / "MODEL_CARD.md").read_text()
    assert card.startswith("# IN-MH-500-20261125-1\n\nCounts small moths.\n")
    assert "- Started from: base-20261125-1\n" in card
    assert "`small` counts 7 GNORAB, 0 HELIAR, 1 NOCTUID_LARGE" in card
    assert "## How well it counts: small, hold-out" in card
    assert "| GNORAB | 9 | 40 | 1.25 | 0.12 | -0.50 | – |" in card
    assert "## What it had to pass\n\n- size: 7 bytes\n" in card
    assert "## What it cannot do\n\n- Other traps.\n" in card
    assert f"| `small.tflite` | 7 | `{release.manifest.file('small.tflite').sha256}` |" in card
    assert "## Pictures" not in card


def test_the_card_of_a_family_names_every_file_and_shows_its_pictures(
    shelf: Path, tmp_path: Path, family: Candidate, now: datetime
) -> None:
    release = publish_base(shelf, tmp_path / "shipped", "base-20261125-1", replace(family, metrics=FIGURES), now=now)
    card = (release.folder / "MODEL_CARD.md").read_text()
    for entry in release.manifest.files:
        assert f"| `{entry.name}` | {entry.size_bytes} | `{entry.sha256}` |" in card
    assert "`nano` counts 7 GNORAB" in card
    assert "`base` counts 9 GNORAB" in card
    assert card.index("counts: nano, val") < card.index("counts: base, val")
    assert "## How well the gate judges\n\n- AUROC: 0.99\n" in card
    assert "![Counts on five liners.](card-good-cases.png)" in card
