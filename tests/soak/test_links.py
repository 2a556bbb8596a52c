"""The link breaks at every byte of an exchange, repeats it, delays and reorders it: nothing is lost, nothing is doubled."""

from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import Engine

from server.db.session import session_scope
from tests import factories
from tests.soak.installation import PushingPhone, check_nothing_lost_or_doubled
from tests.soak.link import Fault, FaultyLink

STRIDE = 9
"""The short form breaks at every ninth byte, beginning at another one for each direction; the long form at all."""
MOST_BYTES = 5000


@pytest.fixture
def link(address: str) -> Iterator[FaultyLink]:
    with FaultyLink(int(address.rpartition(":")[2])) as link:
        yield link


@pytest.fixture
def phone(engine: Engine, link: FaultyLink) -> PushingPhone:
    """A phone that the test makes push; it never runs by itself."""
    with session_scope(engine) as session:
        device = factories.device(session, token="behind-a-bad-link").id
    return PushingPhone(link.port, device, "behind-a-bad-link")


def facts_from(first: int, many: int = 2) -> list[dict]:
    return [PushingPhone.fact(seq) for seq in range(first, first + many)]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("direction", ["request_bytes", "answer_bytes"])
def test_a_link_that_breaks_at_any_byte_loses_and_doubles_nothing(
    phone: PushingPhone, link: FaultyLink, engine: Engine, is_long: bool, direction: str
) -> None:
    assert phone.push(facts_from(1))
    length = link.bytes_sent if direction == "request_bytes" else link.bytes_answered
    assert 200 < length < MOST_BYTES, "an exchange was measured"
    stride, seq, broken = 1 if is_long else STRIDE, 3, 0
    for at in range(Random(direction).randrange(stride), length, stride):
        link.fault = Fault(**{direction: at})
        facts = facts_from(seq)
        # Bytes may differ by a digit from one exchange to the next: the last of them may well be enough.
        broken += not phone.push(facts)
        link.fault = Fault()
        assert phone.push(facts), "the second try, over a link that holds"
        seq += len(facts)
    assert broken > length / stride * 0.9
    assert check_nothing_lost_or_doubled(engine, [phone]) == seq - 1


@pytest.mark.timeout(1200)
def test_a_link_that_repeats_delays_and_reorders_loses_and_doubles_nothing(
    phone: PushingPhone, link: FaultyLink, engine: Engine, is_long: bool
) -> None:
    random, seq = Random(3), 1
    for _ in range(300 if is_long else 20):
        batches = [facts_from(seq + 2 * n) for n in range(3)]
        seq += 6
        phones = [PushingPhone(link.port, phone.device, phone.token) for _ in batches]
        for other, batch in zip(phones, batches, strict=True):
            # Each batch of the same phone over a connection of its own, so that a later one may overtake.
            other.run = lambda other=other, batch=batch: other.push(batch)  # type: ignore[method-assign]
            link.fault = Fault(copies=random.randrange(1, 4), delay_s=random.uniform(0, 0.05))
            other.start()
        for other in phones:
            other.join()
            phone.acknowledged |= other.acknowledged
            phone.strange += other.strange
    assert check_nothing_lost_or_doubled(engine, [phone]) == seq - 1


@pytest.mark.timeout(1200)
def test_what_arrives_late_and_in_another_order_loses_and_doubles_nothing(
    phone: PushingPhone, link: FaultyLink, engine: Engine, is_long: bool
) -> None:
    random, seq, brought = Random(5), 1, 0
    for _ in range(100 if is_long else 8):
        batches = [facts_from(seq + 2 * n) for n in range(4)]
        seq += 8
        link.fault = Fault(is_held=True)
        for batch in batches * 2:
            assert not phone.push(batch), "the phone heard nothing"
        link.fault = Fault()
        # Some are sent again before the old ones arrive, the last first; the others not until the old ones are there.
        for batch in reversed(batches[: random.randrange(5)]):
            assert phone.push(batch)
        brought += link.let_go(random)
        for batch in batches:
            assert phone.push(batch)
    assert brought == seq - 1, "each batch of two facts was held twice"
    assert check_nothing_lost_or_doubled(engine, [phone]) == seq - 1
