"""A person recounts a photo: the officer's number stands beside the phone's, and replaces nothing.

Station 6 of 9; next, server/tasks/retrain.py learns from it. Promises: the phone's number and marks stay hidden until
the officer asks, so that they do not lead the eye; a photo is shown only to officers of its region, and only if the
farmer agreed to send it; recounting twice leaves two Corrections, of which the newest counts.
"""

import msgspec
from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from pestwatch.domain.species import PHOTO_COUNTED
from pestwatch.errors import Problem
from pestwatch.sync.protocol import Mark
from server import auth
from server.config import current_settings, current_time
from server.db import people
from server.db.catches import (
    Catch,
    ObservationId,
    observation_with_photo,
    record_officer_recount,
    review_queue,
)
from server.db.marks import phone_marks
from server.db.photo_files import open_photo_files
from server.db.session import request_scope
from server.files import serve_content

MOST_INSECTS = 5000
"""On one photo; the phone has the same limit."""
MOST_MARKS = 5000


def add_to(blueprint: Blueprint) -> None:
    """Gives the blueprint these pages."""
    blueprint.add_url_rule("/regions/<region>/review", view_func=show_queue)
    blueprint.add_url_rule("/review/<observation>", view_func=show_review)
    blueprint.add_url_rule("/review/<observation>", view_func=recount, methods=["POST"])
    blueprint.add_url_rule("/review/<observation>/photo", view_func=photo)


def show_queue(region: str) -> str:
    """Photos that no officer has recounted."""
    with request_scope(read_only=True) as session:
        row = auth.allowed_region(session, g.staff, region)
        return render_template("queue.html", region=row, queue=review_queue(session, row.id))


def show_review(observation: str) -> str:
    """One photo, with a field for each species and, with JavaScript, points to set."""
    with request_scope(read_only=True) as session:
        catch = _visible(session, observation)
        if catch.photo is None:
            raise Problem("404.1", name=observation)
        own = [] if catch.recount is None or catch.recount.by != "officer" else catch.recount.marks or []
        return render_template(
            "review.html",
            region=auth.allowed_region(session, g.staff, catch.region),
            catch=catch,
            species=species_to_count(catch),
            own_marks=msgspec.json.encode(own).decode(),
            phone_marks=msgspec.json.encode(phone_marks(session, catch.observation)).decode(),
        )


def recount(observation: str) -> AnyResponse:
    """Writes the officer's count, then shows the next photo of the queue."""
    with request_scope(read_only=True) as session:
        catch = _visible(session, observation)
    counts, marks = read_form(species_to_count(catch))
    with request_scope() as session:
        record_officer_recount(session, catch.observation, counts, marks=marks, staff=g.staff, now=current_time())
        waiting = review_queue(session, catch.region, limit=1)
    if waiting:
        return redirect(url_for("dashboard.show_review", observation=str(waiting[0].observation), saved=1))
    return redirect(url_for("dashboard.show_queue", region=catch.region, saved=1))


def photo(observation: str) -> Response:
    """The photo's bytes."""
    with request_scope(read_only=True) as session:
        catch = _visible(session, observation)
    if catch.photo is None:
        raise Problem("404.1", name=observation)
    content = open_photo_files(current_settings()).read(catch.photo.sha256)
    return serve_content(content, catch.photo.media_type, "private, max-age=3600", etag=catch.photo.stored_sha256)


def species_to_count(catch: Catch) -> tuple[str, ...]:
    """The trap's own pest first, then what photos are counted for."""
    return (catch.pest, *(key for key in PHOTO_COUNTED if key != catch.pest))


def read_form(species: tuple[str, ...]) -> tuple[dict[str, int], list[dict[str, object]] | None]:
    """The form's counts and marks.

    Args:
      species: what the form asked for.

    Returns:
      Species key -> insects, of the fields that were filled in; marks, or None if only numbers were given.

    Raises:
      Problem 422.5: a number, or the marks, are wrong, or nothing was filled in.
    """
    counts: dict[str, int] = {}
    for key in species:
        written = request.form.get(f"count-{key}", "").strip()
        if not written:
            continue
        # int() reads Devanagari and Telugu digits too.
        if not written.isdecimal() or len(written) > 4 or int(written) > MOST_INSECTS:
            raise Problem("422.5", field=key, detail=f"a whole number from 0 to {MOST_INSECTS} is expected")
        counts[key] = int(written)
    if not counts:
        raise Problem("422.5", field="count", detail="write how many insects you see, 0 if there are none")
    return counts, _read_marks(request.form.get("marks", ""), counts)


def _read_marks(written: str, counts: dict[str, int]) -> list[dict[str, object]] | None:
    """Marks are kept only when they say the same as the numbers: the officer may have typed over them."""
    if not written:
        return None
    try:
        marks = msgspec.json.decode(written, type=list[Mark])
    except msgspec.DecodeError as error:
        raise Problem("422.5", field="marks", detail=str(error)) from error
    if len(marks) > MOST_MARKS:
        raise Problem("422.5", field="marks", detail=f"more than {MOST_MARKS}")
    agrees = all(sum(mark.species == key for mark in marks) == count for key, count in counts.items())
    if not agrees or any(mark.species not in counts for mark in marks):
        return None
    return [{"x": mark.x, "y": mark.y, "species": mark.species} for mark in marks]


def _visible(session: Session, observation: str) -> Catch:
    """An observation of a region that this officer sees.

    Raises:
      Problem 404.1: there is none, or it is elsewhere; which of them stays unsaid.
    """
    catch = observation_with_photo(session, ObservationId.parse(observation))
    if catch.region not in {region.id for region in people.regions_for(session, g.staff)}:
        raise Problem("404.1", name=observation)
    return catch
