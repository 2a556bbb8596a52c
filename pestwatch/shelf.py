"""Where the models lie that this installation counts with."""

import json
import os
from pathlib import Path

from pestwatch.errors import Problem

REPOSITORY = Path(__file__).resolve().parent.parent


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
