"""GET /metrics for Prometheus: what requests came and how long they took, and what waits in the database.

Nobody reads it without `PESTWATCH_METRICS_TOKEN`; without that setting there is no such page. Where several web processes
run, `PROMETHEUS_MULTIPROC_DIR` names a folder in which they add up.
"""

import hmac
import os
from collections.abc import Iterator

from flask import Blueprint, Response, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector
from sqlalchemy.exc import SQLAlchemyError

from pestwatch.errors import Problem
from server.config import current_settings, current_time
from server.db import work
from server.db.session import session_scope

blueprint = Blueprint("metrics", __name__)
REQUESTS = Counter("pestwatch_requests", "Requests answered.", ["route", "method", "status"])
SECONDS = Histogram(
    "pestwatch_request_seconds",
    "How long they took.",
    ["route"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
WAITED = Histogram(
    "pestwatch_turn_seconds",
    "How long requests waited for their turn.",
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10),
)
SENT_AWAY = Counter("pestwatch_sent_away", "Requests that were told to come again (503.3).", ["route", "why"])


def watch(route: str, method: str, status: int, seconds: float) -> None:
    """Counts a request."""
    REQUESTS.labels(route, method, status).inc()
    SECONDS.labels(route).observe(seconds)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Everything, as Prometheus reads it."""
    token = current_settings().metrics_token
    given = request.authorization.token if request.authorization else None
    if not token or not hmac.compare_digest(token.encode(), (given or "").encode()):
        raise Problem("404.1", name="/metrics")
    asked_anew = CollectorRegistry()
    asked_anew.register(_Waiting())
    counted = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return Response(generate_latest(counted) + generate_latest(asked_anew), content_type=CONTENT_TYPE_LATEST)


class _Waiting(Collector):
    """What the database says of the work to do; a database that is down is told as such."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Asked anew for each answer."""
        up = GaugeMetricFamily("pestwatch_database_up", "1: the database answers.")
        try:
            with session_scope(current_app.extensions["pestwatch.engine"], read_only=True) as session:
                beats = work.beats(session)
                waiting = work.waiting_runs(session)
        except SQLAlchemyError:
            current_app.logger.warning("metrics: the database does not answer")
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        now = current_time()
        alive = GaugeMetricFamily(
            "pestwatch_beat_age_seconds", "Since a process last said it lives.", labels=["process"]
        )
        for beat in beats:
            alive.add_metric([beat.name], (now - beat.at).total_seconds())
        yield alive
        oldest = max(((now - at).total_seconds() for at in waiting), default=0.0)
        yield GaugeMetricFamily("pestwatch_training_runs_waiting", "Runs that no trainer has begun.", len(waiting))
        yield GaugeMetricFamily("pestwatch_training_oldest_seconds", "How long the oldest of them has waited.", oldest)
