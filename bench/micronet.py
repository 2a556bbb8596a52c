"""MicroNet score of every network of the base in use, and of its peers. Claim: the Challenge's reference scores 2, ours less.

    python bench/micronet.py [--quick]

The rule, its reference and our assumptions: pestwatch/vision/micronet.py. Parameters and multiply-accumulates are read from the
released file; beside them stands what shape.cost promised for it. Per tile: what a photo costs is that times its tiles, and
nano's tile is a tenth of the others' area.
"""

import argparse
import json
from pathlib import Path

from pestwatch.shelf import current_base
from pestwatch.vision.micronet import operations, score
from pestwatch.vision.shape import FAMILY, cost

PEERS = Path(__file__).parent / "peers"
# Species and the length; spelt out, for the network itself would load TensorFlow.
OUTPUTS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the same: it takes a second")
    parser.parse_args()
    files = [*sorted(current_base().glob("*.tflite")), *sorted(PEERS.glob("*.tflite"))]
    head = ("bytes", "params k", "M MACs", "promised", "storage", "32-bit sum", "8-bit sum", "score")
    print(f"{'':12}" + "".join(f"{name:>11}" for name in head))
    found = {}
    for path in files:
        content = path.read_bytes()
        took = operations(content)
        strict, kind = score(took), score(took, adder_bits=8)
        shape = FAMILY.get(path.stem) if path.parent != PEERS else None
        promised = f"{cost(shape, OUTPUTS).macs / 1e6:.0f}" if shape else "-"
        cells = (
            f"{len(content):,}",
            f"{took.parameter_bits / 32e3:.1f}",
            f"{took.macs / 1e6:.0f}",
            promised,
            f"{strict.storage:.4f}",
            f"{strict.arithmetic:.4f}",
            f"{kind.arithmetic:.4f}",
            f"{strict.total:.4f}",
        )
        print(f"{path.stem:12}" + "".join(f"{cell:>11}" for cell in cells))
        found[path.stem] = {
            "bytes": len(content),
            "macs": took.macs,
            "micronet": round(strict.total, 4),
            "micronet_8_bit_adder": round(kind.total, 4),
        }
    print("score: storage / 6.9 M 32-bit parameters + operations / 1170 M, sums in 32 bits; lower is better; per tile")
    print(json.dumps({"bench": "micronet", "files": found}))


if __name__ == "__main__":
    main()
