"""Only the phone's own key signs for it, and only what it signed."""

import json

import pytest

from pestwatch.errors import Problem
from pestwatch.sync.signature import check_signature
from tests.golden.wire_cases import GOLDEN

SIGNED = json.loads(GOLDEN.read_text())["signature"]


def test_the_golden_signature_holds() -> None:
    check_signature(SIGNED["public_key"], SIGNED["signature"], SIGNED["body"].encode())


@pytest.mark.parametrize(
    "change",
    [
        {"body": "A body as it travels"},
        {"body": ""},
        {"signature": ""},
        {"signature": "AAAA"},
        {"signature": "!" * 88},
        {"signature": "é"},
        {"public_key": "A" * 87 + "="},
        {"signature": "A" * 86 + "=="},
        {"public_key": "AAAA"},
        {"public_key": "no key"},
    ],
)
def test_whatever_is_changed_it_holds_no_more(change: dict) -> None:
    told = SIGNED | change
    with pytest.raises(Problem, match=r"^401\.6 "):
        check_signature(told["public_key"], told["signature"], told["body"].encode())
