"""Folding is commutative and idempotent: order and repetition of arrival do not matter."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pestwatch.sync.merge import description_wins, standing_recount

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    by: str
    made_at: datetime
    server_seq: int


minutes = st.integers(0, 5).map(lambda m: NOW + timedelta(minutes=m))
recounts = st.lists(st.builds(Said, st.sampled_from(["farmer", "officer"]), minutes, st.integers(1, 9)), max_size=8)
descriptions = st.lists(st.tuples(minutes, st.integers(1, 9)), min_size=1, max_size=8)


@given(said=recounts, data=st.data())
def test_the_standing_recount_is_the_same_in_every_order_and_however_often_it_comes(
    said: list[Said], data: st.DataObject
) -> None:
    again = data.draw(st.permutations(said + said))
    assert standing_recount(again) == standing_recount(said)


@given(said=recounts)
def test_an_officers_recount_stands_above_every_farmers(said: list[Said]) -> None:
    standing = standing_recount(said)
    officers = [s for s in said if s.by == "officer"]
    assert (standing is None) == (not said)
    if officers:
        assert standing.by == "officer"
        assert standing.made_at == max(s.made_at for s in officers)


@given(arrived=descriptions, data=st.data())
def test_the_same_description_wins_in_every_order(arrived: list, data: st.DataObject) -> None:
    def fold(order: list) -> tuple | None:
        standing = None
        for new in order:
            standing = new if description_wins(new, standing) else standing
        return standing

    assert fold(data.draw(st.permutations(arrived + arrived))) == fold(arrived) == max(arrived)
