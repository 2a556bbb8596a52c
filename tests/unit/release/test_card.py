from datetime import datetime
from pathlib import Path

from pestwatch.release.candidate import Candidate
from pestwatch.release.installation import InstallationKeys
from pestwatch.release.registry import publish


def test_the_card_says_what_the_model_counts_how_wrong_it_is_and_what_it_cannot_do(
    shelf: Path, candidate: Candidate, installation: InstallationKeys, now: datetime
) -> None:
    release = publish(shelf, "IN-MH-500", "IN-MH-500-20261125-1", candidate, installation.online, now=now)
    card = (release.folder / "MODEL_CARD.md").read_text()
    assert card.startswith("# IN-MH-500-20261125-1\n\nCounts small moths.\n")
    assert "- Started from: base-20261125-1\n" in card
    assert "it counts 7 GNORAB, 0 HELIAR, 1 NOCTUID_LARGE" in card
    assert "| GNORAB | 9 | 40 | 1.25 | 0.12 | -0.50 | – |" in card
    assert "## What it had to pass\n\n- size: 7 bytes\n" in card
    assert "## What it cannot do\n\n- Other traps.\n" in card
    assert release.manifest.file("small.tflite").sha256 in card
