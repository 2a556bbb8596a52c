"""Messages with something wrong in them: bytes that changed on their way, and values that no phone of ours would send."""

import copy
from random import Random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**53,
    2**64,
    10**400,
    -0.0,
    1e308,
    float("nan"),
    float("-inf"),
    "",
    "\0",
    "t1",
    "\N{PILE OF POO}" * 300,
    "\ud800",
    "=cmd()",
    "2026-02-30T25:61:61Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999+14:00",
    "../../etc/passwd",
    [],
    [[]],
    [1] * 3000,
    {},
    {"": {}},
    {"t": [1795586400, 10**18]},
    {"+": [1, None]},
    {"of": 0, "is": [[]]},
    {"of": 99},
)


def changed_bytes(random: Random, whole: bytes) -> bytes:
    """One to four things that happen to bytes."""
    for _ in range(random.randint(1, 4)):
        at, length = random.randrange(len(whole) + 1), random.choice((1, 1, 2, 8, 60))
        match random.randrange(6):
            case 0:
                whole = (
                    whole[:at] + bytes(byte ^ 1 << random.randrange(8) for byte in whole[at : at + 1]) + whole[at + 1 :]
                )
            case 1:
                whole = whole[:at] + random.randbytes(length) + whole[at + length :]
            case 2:
                whole = whole[:at] + whole[at + length :]
            case 3:
                whole = whole[:at] + whole[at : at + length] * random.randint(2, 200) + whole[at:]
            case 4:
                other = random.randrange(len(whole) + 1)
                whole = whole[:at] + whole[other : other + length] + whole[at:]
            case _:
                whole = whole[:at]
    return whole


def changed_values(random: Random, document: Any) -> Any:
    """One to three values that became others, or went, or came twice."""
    document = copy.deepcopy(document)
    for _ in range(random.randint(1, 3)):
        places: list[tuple[Any, Any]] = []
        _walk(document, places)
        if not places:
            break
        inside, key = random.choice(places)
        match random.randrange(5):
            case 0:
                del inside[key]
            case 1:
                inside[key] = copy.deepcopy(random.choice(random.choice(places)[0:1]))
            case 2 if isinstance(inside, list):
                inside.insert(key, copy.deepcopy(inside[key]))
            case _:
                inside[key] = copy.deepcopy(random.choice(ODD_VALUES))
    return document


def _walk(inside: Any, places: list[tuple[Any, Any]]) -> None:
    keys = list(inside) if isinstance(inside, dict) else range(len(inside)) if isinstance(inside, list) else ()
    for key in keys:
        places.append((inside, key))
        _walk(inside[key], places)
