"""Charts are honest: a gap is no zero, a rate is insects over trap-nights, and everything drawn is escaped."""

import dataclasses
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest

from server.dashboard.catch_rates import DAYS, WEEKS, catch_rates
from server.dashboard.charts import HEIGHT, WIDTH, Bar, Line, bar_chart, nice_step
from server.db.catches import Catch, ObservationId, TrapId

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)


def draw(*values: float | None, line: Line | None = None) -> ET.Element:
    bars = [Bar(str(place), value, f"bar {place}") for place, value in enumerate(values)]
    return ET.fromstring(bar_chart(bars, name="c", title="T", description="D", line=line))


def of_class(chart: ET.Element, name: str) -> list[ET.Element]:
    return [element for element in chart.iter() if element.get("class") == name]


def test_no_data_is_hatched_and_a_zero_is_a_thin_bar() -> None:
    chart = draw(None, 0.0, 4.0)
    (gap,), bars = of_class(chart, "no-data"), of_class(chart, "bar")
    assert gap.get("fill") == "url(#c-h)"
    assert [float(bar.get("height", 0)) > 0 for bar in bars] == [True, True]
    assert float(bars[0].get("height", 0)) < 2


def test_bars_at_the_threshold_stand_out() -> None:
    chart = draw(7.9, 8.0, 12.0, line=Line(8.0, "inspect from 8"))
    assert (len(of_class(chart, "bar")), len(of_class(chart, "bar reached"))) == (1, 2)


@pytest.mark.parametrize("values", [(), (None,), (0.0,), (0.01, 0.4), (1234.5, 3.0)])
@pytest.mark.parametrize("line", [None, Line(10.0, "inspect")])
def test_everything_stays_inside_the_picture(values: tuple[float | None, ...], line: Line | None) -> None:
    for element in draw(*values, line=line).iter():
        if element.get("x") and element.get("y"):
            assert 0 <= float(element.get("x", 0)) <= WIDTH
            assert 0 <= float(element.get("y", 0)) <= HEIGHT


def test_words_are_escaped() -> None:
    chart = bar_chart([Bar("<i>", 1.0, '"&')], name="c", title="<b>", description="&", line=Line(1.0, "</text>"))
    assert ET.fromstring(chart).find("title").text == "<b>"  # type: ignore[union-attr]


@pytest.mark.parametrize(("largest", "step"), [(0.4, 0.1), (0.41, 0.2), (8, 2), (9, 2.5), (10.1, 5), (4000, 1000)])
def test_the_axis_has_round_numbers(largest: float, step: float) -> None:
    assert nice_step(largest) == pytest.approx(step)


# --- catches


def catch(
    days_ago: float, insects: int, nights: float | None = 2.0, trap: str = "t1", *, emptied: bool = True, **more: object
) -> Catch:
    plain = Catch(
        observation=ObservationId(1, 1),
        trap=TrapId(1, trap),
        region="IN-MH-500",
        trap_name="By the well",
        pest="HELIAR",
        crop="cotton",
        trap_type="funnel",
        subdistrict=None,
        taken_at=NOW - timedelta(days=days_ago),
        taken_at_doubtful=False,
        nights=nights,
        emptied=emptied,
        lure_age_days=9,
        source="hand",
        model=None,
        intervals={},
        gate_verdict=None,
        gate_reason=None,
        counted_by_phone={"HELIAR": insects},
        recount=None,
        photo=None,
    )
    return dataclasses.replace(plain, **more)  # type: ignore[arg-type]


def test_a_weeks_rate_is_insects_over_trap_nights_and_not_a_mean_of_rates() -> None:
    this_week = catch_rates([catch(0, 10, 1.0), catch(0.1, 10, 4.0, "t2")], "HELIAR", NOW, "week")[-1]
    assert (this_week.rate, this_week.insects, this_week.nights, this_week.traps) == (4.0, 20, 5.0, 2)


def test_weeks_without_counts_have_no_rate() -> None:
    weeks = catch_rates([catch(0, 6)], "HELIAR", NOW, "week")
    assert len(weeks) == WEEKS
    assert [week.rate for week in weeks] == [None] * (WEEKS - 1) + [3.0]


def test_a_trap_that_was_not_emptied_is_not_counted_twice() -> None:
    rows = [catch(2, 10, 2.0, emptied=False), catch(0, 14, 4.0)]
    assert catch_rates(rows, "HELIAR", NOW, "week")[-1].insects == 14


def test_by_day_a_count_is_spread_over_the_nights_that_it_covers() -> None:
    days = catch_rates([catch(0, 12, 3.0)], "HELIAR", NOW, "day")
    assert len(days) == DAYS
    assert [day.rate for day in days[-5:]] == [None, *[pytest.approx(4.0)] * 4]
    assert sum(day.insects for day in days) == pytest.approx(12)
    assert sum(day.nights for day in days) == pytest.approx(3.0)


@pytest.mark.parametrize(
    "useless", [{"nights": None}, {"gate_verdict": "rejected"}, {"counted_by_phone": {}}, {"pest": "GNORAB"}]
)
def test_what_the_rules_refuse_is_not_drawn(useless: dict[str, object]) -> None:
    assert {week.rate for week in catch_rates([catch(0, 6, **useless)], "HELIAR", NOW, "week")} == {None}  # type: ignore[arg-type]
