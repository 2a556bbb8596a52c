"""What may leave: the one place that decides it. Writers of formats see `Shared` and nothing else.

No name of a farmer, trap or village, no telephone number, no number of a phone, no position of a trap: the place is
the taluka, and its point on the map is the district's. Traps and observations have made-up ids that stay the same.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Engine

from pestwatch.domain.places import District, State, Subdistrict, districts, states, subdistricts
from pestwatch.domain.species import SPECIES, SpeciesId
from pestwatch.surveillance.rollup import INDIA
from server.db.catches import Catch, TrapId, catch_page
from server.db.session import session_scope

PIECE = 500
"""Observations in memory at a time."""
WITHHELD = "Names of farmers, traps and villages, and positions of traps."
GENERALISED = "The coordinates are those of a point inside the district; the taluka is as near as the place is told."


@dataclass(frozen=True)
class Shared:
    """One observation as outsiders may see it.

    Args:
      id: made-up UUID, the same in every export.
      trap: the same for its trap.
      taluka: None when it was not said.
      pest: what the trap's lure catches.
      begin: when the nights of this count began; the instant of counting when they are unknown.
      counts: species key -> insects, by whoever counted last and best.
      counted_by: `officer`, `farmer` or `phone`.
      model: what the phone counted with; None for a count by a person.
      photo: SHA-256 and media type of a photo that lies here and was agreed to be sent.
      is_usable: False for a photo that the gate rejected and nobody recounted.
    """

    id: str
    trap: str
    taluka: Subdistrict | None
    pest: str
    crop: str
    trap_type: str
    begin: datetime
    taken_at: datetime
    nights: float | None
    counts: Mapping[str, int]
    intervals: Mapping[str, Sequence[int]]
    counted_by: str
    model: str | None
    photo: tuple[str, str] | None
    is_usable: bool


@dataclass(frozen=True)
class Outing:
    """A region and the span of days that are to be given out.

    Args:
      engine: the database.
      region: district id.
      name: the region's, for people.
      first: the first day, in India.
      last: the last one.
      now: aware instant.
      publisher: who gives it out.
      installation: what tells this installation from every other; ids are made with it.
    """

    engine: Engine
    region: str
    name: str
    first: date
    last: date
    now: datetime
    publisher: str
    installation: str

    def catches(self) -> Iterator[Catch]:
        """Every observation of the span, in the order of time, read in pieces with a transaction for each."""
        since = datetime.combine(self.first, time(), INDIA)
        until = datetime.combine(self.last, time(), INDIA) + timedelta(days=1)
        after: Catch | None = None
        while True:
            with session_scope(self.engine, read_only=True) as session:
                piece = catch_page(session, self.region, since, until, after=after, limit=PIECE)
            yield from piece
            if len(piece) < PIECE:
                return
            after = piece[-1]

    def observations(self) -> Iterator[Shared]:
        """The same, as they may leave."""
        return (self.share(catch) for catch in self.catches())

    def share(self, catch: Catch) -> Shared:
        """Takes from an observation what may leave."""
        is_counted_by_phone = catch.counted_by == "phone"
        return Shared(
            id=self.made_up("observation", str(catch.observation)),
            trap=self.trap_id(catch.trap),
            taluka=self.taluka(catch.subdistrict),
            pest=catch.pest,
            crop=catch.crop,
            trap_type=catch.trap_type,
            begin=catch.taken_at - timedelta(days=catch.nights or 0),
            taken_at=catch.taken_at,
            nights=catch.nights,
            counts=catch.counts,
            intervals=catch.intervals if is_counted_by_phone else {},
            counted_by="farmer" if is_counted_by_phone and catch.source == "hand" else catch.counted_by,
            model=catch.model if is_counted_by_phone else None,
            photo=(catch.photo.sha256, catch.photo.media_type) if catch.photo else None,
            is_usable=not catch.is_uncounted_photo,
        )

    def made_up(self, *what: str) -> str:
        """A UUID that is the same for the same words, and of no other installation."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, " ".join(("pestwatch", self.installation, *what))))

    def trap_id(self, trap: TrapId) -> str:
        """A trap's made-up id."""
        return self.made_up("trap", str(trap))

    def taluka(self, code: int | None) -> Subdistrict | None:
        """A sub-district of this region by its LGD code."""
        return next((one for one in subdistricts().get(self.region, ()) if one.lgd_code == code), None)

    @property
    def district(self) -> District | None:
        """The district, if the region is one of the directory's."""
        return districts().get(self.region)

    @property
    def state(self) -> State | None:
        """The state that it lies in."""
        return states().get(self.district.state) if self.district else None


def scientific_name(species: str) -> str:
    """A species' Latin name; a key that is not known here is some insect."""
    known = SPECIES.get(SpeciesId(species))
    return known.scientific if known else "Insecta"


def rank(species: str) -> str:
    """The rank of that name."""
    name = scientific_name(species)
    return "class" if name == "Insecta" else "species" if " " in name else "family"


def utc(at: datetime) -> str:
    """An instant as the standards write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
