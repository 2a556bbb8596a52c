"""Region page: catch per trap-night of each pest beside its threshold, and every trap as it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, g, render_template, request
from markupsafe import Markup

from pestwatch.domain.places import state_of
from pestwatch.domain.threshold import Threshold, threshold_for, thresholds
from server import auth
from server.config import current_time
from server.dashboard import words
from server.dashboard.agronomy import of_threshold
from server.dashboard.catch_rates import Grain, Period, catch_rates
from server.dashboard.charts import Bar, Line, bar_chart
from server.dashboard.paging import page_of
from server.dashboard.words import _
from server.db.approvals import approvals_of
from server.db.catches import Catch, catch_rows
from server.db.session import request_scope
from server.standing import LOOK_BACK, Standing, standings

SHOWN_CHARTS = 4
"""On one page; the other pests are a link away."""


@dataclass(frozen=True)
class PestChart:
    """One pest in one crop: its chart, the table under it, and the number at which plants are inspected."""

    pest: str
    crop: str
    traps: int
    periods: Sequence[Period]
    threshold: Threshold | None
    svg: Markup


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/regions/<region>", view_func=show_region)


def show_region(region: str) -> str:
    """Everything about a region's catches on one page."""
    now = current_time()
    grain: Grain = "day" if request.args.get("by") == "day" else "week"
    with request_scope(read_only=True) as session:
        row = auth.allowed_region(session, g.staff, region)
        found = standings(session, row.id, now)
        # The most urgent trap's pest first, as `found` is sorted.
        hung = list(dict.fromkeys((standing.trap.pest, standing.trap.crop) for standing in found))
        pests = sorted({pest for pest, _crop in hung})
        wanted = asked if (asked := request.args.get("pest")) in pests else None
        shown = [pair for pair in hung if wanted in {None, pair[0]}][:SHOWN_CHARTS]
        rows = catch_rows(session, row.id, now - LOOK_BACK)
        return render_template(
            "region.html",
            region=row,
            page=page_of([standing for standing in found if wanted in {None, standing.trap.pest}]),
            charts=_charts(shown, found, rows, row.id, now, grain),
            others=[pest for pest in pests if pest not in {pest for pest, _crop in shown}],
            grain=grain,
            pest=wanted,
            approved={thing.key: by for thing, by in approvals_of(session, map(of_threshold, thresholds())).items()},
        )


def _charts(
    pairs: Sequence[tuple[str, str]],
    found: Sequence[Standing],
    rows: Sequence[Catch],
    region: str,
    now: datetime,
    grain: Grain,
) -> list[PestChart]:
    charts = []
    for pest, crop in pairs:
        threshold = threshold_for("trap", pest, crop, state_of(region))
        periods = catch_rates([row for row in rows if row.crop == crop], pest, now, grain)
        traps = sum((standing.trap.pest, standing.trap.crop) == (pest, crop) for standing in found)
        charts.append(PestChart(pest, crop, traps, periods, threshold, _draw(pest, crop, periods, threshold, grain)))
    return charts


def _draw(pest: str, crop: str, periods: Sequence[Period], threshold: Threshold | None, grain: Grain) -> Markup:
    names = {"pest": words.pest_name(pest), "crop": words.crop_name(crop)}
    per_night = threshold.value_per_night if threshold else None
    every = 3 if grain == "day" else 2
    bars = [
        Bar(
            label=words.day(period.start) if (len(periods) - 1 - place) % every == 0 else "",
            value=period.rate,
            title=_says(period),
        )
        for place, period in enumerate(periods)
    ]
    latest = next((period for period in reversed(periods) if period.rate is not None), None)
    description = _("Nobody has counted yet.") if latest is None else _("Latest: %(what)s", what=_says(latest))
    line = Line(per_night, _("inspect from %(rate)s", rate=words.number(per_night, 2))) if per_night else None
    return Markup(  # noqa: S704 - charts.py escapes every word
        bar_chart(
            bars,
            name=f"c-{pest}-{crop}".lower().replace("_", "-"),
            title=_("%(pest)s in %(crop)s: insects per trap and night", **names),
            description=description,
            line=line,
        )
    )


def _says(period: Period) -> str:
    """One period as a sentence."""
    start, week = words.day(period.start), period.week
    if period.rate is None:
        return (
            _("%(day)s: no data", day=start)
            if week is None
            else _("Week %(week)s, from %(day)s: no data", week=week, day=start)
        )
    what = {
        "day": start,
        "rate": words.number(period.rate, 2),
        "insects": words.number(period.insects),
        "nights": words.number(period.nights),
    }
    if week is None:
        return _("%(day)s: %(rate)s per trap-night (%(insects)s insects in %(nights)s trap-nights)", **what)
    return _(
        "Week %(week)s, from %(day)s: %(rate)s per trap-night (%(insects)s insects in %(nights)s trap-nights)",
        week=week,
        **what,
    )
