"""A list and its table are one thing in two spellings; what is no table is refused, and cheaply."""

import json
import time
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from pestwatch.errors import Problem
from pestwatch.sync.protocol import Table
from pestwatch.sync.table import FACTS, ITEMS, MAX_ROWS, from_table, to_table
from tests.factories import observation_fact
from tests.golden.wire_cases import GOLDEN, as_text

CASES = json.loads(GOLDEN.read_text())["cases"]
scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=4) | st.sampled_from(["2026-11-25T06:00:00Z", "1980-02-29T23:59:59Z", "2026-02-30T00:00:00Z"])
names = st.text("abseq_", min_size=1, max_size=3) | st.sampled_from([name for name, _ in FACTS if "." not in name])
anything = st.recursive(
    scalars | words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)
rows_ = st.lists(st.dictionaries(names, anything, max_size=5), max_size=12)


def table(document: Any) -> Table:
    return msgspec.convert(document, Table)


def test_the_golden_cases_are_what_the_code_says() -> None:
    assert GOLDEN.read_text() == as_text(), "python -m tests.golden.wire_cases"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_golden_table_is_the_list_that_it_stands_for(case: dict) -> None:
    usual = {"facts": FACTS, "items": ITEMS}[case["kind"]]
    if case["table"] is not None:
        assert from_table(table(case["table"]), usual) == case["rows"]


@given(rows=rows_)
def test_any_list_comes_out_of_its_table_again_to_the_type(rows: list) -> None:
    spelled = to_table(rows, FACTS)
    assert spelled is not None
    for told in (spelled, msgspec.json.decode(msgspec.json.encode(spelled))):
        read = from_table(table(told), FACTS)
        assert msgspec.json.encode(read, order="sorted") == msgspec.json.encode(rows, order="sorted")


@given(facts=st.lists(st.fixed_dictionaries({"n": st.integers(0, 60), "t": st.integers(1, 12)}), max_size=60))
def test_a_table_of_counts_is_never_longer_than_their_list(facts: list[dict]) -> None:
    rows = [observation_fact(seq, counts={"HELIAR": f["n"]}, trap=f"t{f['t']}") for seq, f in enumerate(facts, 1)]
    if len(rows) > 1:
        assert len(json.dumps(to_table(rows, FACTS))) < len(json.dumps(rows))


@pytest.mark.parametrize(
    "rows", [[{"a.b": 1}], [{"": 1}], [{"a": {"b.c": 1}}], [1], [{"a": 1}, "b"], [{f"n{n}": n for n in range(300)}]]
)
def test_what_cannot_be_a_table_stays_a_list(rows: list) -> None:
    assert to_table(rows, FACTS) is None


def deep(levels: int) -> dict:
    return {"a": deep(levels - 1)} if levels else {"b": 1}


def test_rows_that_are_too_deep_for_a_table_stay_a_list() -> None:
    assert to_table([deep(200)], FACTS) is None


@pytest.mark.parametrize(
    ("document", "number"),
    [
        ({"rows": MAX_ROWS + 1, "usual": []}, "413.1"),
        ({"rows": 2**60, "usual": []}, "413.1"),
        ({"rows": 2, "usual": [[]]}, "400.1"),
        ({"rows": 2, "usual": [[1, 2, 3]]}, "400.1"),
        ({"rows": 2, "usual": ["x"]}, "400.1"),
        ({"rows": 2, "usual": [{"x": [1]}]}, "400.1"),
        ({"rows": 2, "usual": [{"+": ["1"]}]}, "400.1"),
        ({"rows": 2, "usual": [{"+": [True]}]}, "400.1"),
        ({"rows": 2, "usual": [{"t": [10**30]}]}, "400.1"),
        ({"rows": 2, "usual": [{"of": 0}]}, "400.1"),
        ({"rows": 2, "usual": [[1, 2], {"of": 5}]}, "400.1"),
        ({"rows": 2, "usual": [[1, 2], {"of": 0, "is": [1, 2, 3]}]}, "400.1"),
        ({"rows": 2, "usual": [[{"a": 1}]]}, "400.1"),
        ({"rows": 2, "usual": [[[1, 2]]]}, "400.1"),
        ({"rows": 2, "usual": [[1]] * 22}, "400.1"),
        ({"rows": 1, "usual": [], "columns": {"kind": ["twice"]}}, "400.1"),
        ({"rows": 1, "usual": [], "columns": {"kind.of": [1]}}, "400.1"),
        ({"rows": 1, "usual": [], "columns": {"body": [1]}}, "400.1"),
        ({"rows": 1, "usual": [], "columns": {"x": [[{}]], "x.y": [1]}}, "400.1"),
        ({"rows": 1, "usual": [], "columns": {"a." * 50_000 + "b": [1]}}, "400.1"),
        ({"rows": 200, "usual": [], "columns": {f"n{n}": [1] for n in range(20_000)}}, "413.1"),
    ],
)
def test_what_is_no_table_is_refused_at_once(document: dict, number: str) -> None:
    start = time.process_time()
    with pytest.raises(Problem) as caught:
        from_table(table(document), FACTS)
    assert caught.value.number == number
    assert time.process_time() - start < 1
