"""How a training went: loss and error by step, kept in a file so that a run can be looked at later."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Curve:
    """One network's training, as far as it has come.

    Args:
      name: of the network.
      steps: of the whole training.
      losses: (step, mean loss since the last entry).
      errors: (step, WAPE on photos that it does not learn from).
    """

    name: str
    steps: int
    losses: list[tuple[int, float]] = field(default_factory=list)
    errors: list[tuple[int, float]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """A JSON object, figures rounded to four decimals."""
        return {
            "name": self.name,
            "steps": self.steps,
            "losses": [[step, round(value, 4)] for step, value in self.losses],
            "errors": [[step, round(value, 4)] for step, value in self.errors],
        }

    def save(self, folder: Path) -> None:
        """Writes <name>.curve.json, whole after every entry: a training that breaks off leaves what it had."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.curve.json"
        path.write_text(json.dumps(self.to_json()) + "\n", encoding="utf-8")


def read_curve(path: Path) -> Curve:
    """Reads a file that Curve.save wrote."""
    table = json.loads(path.read_text(encoding="utf-8"))
    losses, errors = ([(int(step), float(value)) for step, value in table[key]] for key in ("losses", "errors"))
    return Curve(table["name"], table["steps"], losses, errors)
