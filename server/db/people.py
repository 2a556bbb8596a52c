"""Reads and writes about regions and the staff who look after them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from server.db.scope import EVERYWHERE
from server.db.session import insert_once
from server.db.tables import LoginTry, Region, Staff, StaffRegion


def record_region(session: Session, region: str, name: str, now: datetime) -> Region:
    """Adds a region, or renames the one that is there.

    Of two processes that add the same one, the second waits for the first to commit, and then sees what it did.
    """
    insert_once(session, Region, id=region, name=name, created_at=now)
    row = session.get_one(Region, region)
    row.name = name
    session.flush()
    return row


def region_by_id(session: Session, region: str) -> Region:
    """A region.

    Raises:
      Problem 404.1: it is not known here.
    """
    row = session.get(Region, region)
    if row is None:
        raise Problem("404.1", name=region)
    return row


def all_regions(session: Session) -> list[Region]:
    """Every region, by name."""
    return list(session.scalars(select(Region).order_by(Region.name)))


def folded(name: str) -> str:
    """A login name as it is stored and compared."""
    return name.replace("\0", "").strip().casefold()


def record_staff(
    session: Session,
    name: str,
    *,
    password_hash: str,
    role: str,
    regions: Iterable[str],
    now: datetime,
    locale: str = "en",
) -> Staff:
    """Adds a person who may log in.

    Args:
      session: a writing transaction.
      name: login name; letter case does not matter.
      password_hash: from `server.auth.hash_password`.
      role: `officer`, `agronomist` or `admin`.
      regions: ids of the regions that an officer sees; the others see all.
      now: aware instant.
      locale: language of the dashboard.
    """
    row = Staff(name=folded(name), password_hash=password_hash, role=role, locale=locale, created_at=now)
    session.add(row)
    session.flush()
    session.add_all(StaffRegion(staff_id=row.id, region_id=region) for region in regions)
    return row


def all_staff(session: Session) -> list[tuple[Staff, list[str]]]:
    """Everybody who ever could log in, by name, each with the ids of their regions."""
    own: dict[int, list[str]] = {}
    for row in session.scalars(select(StaffRegion).order_by(StaffRegion.region_id)):
        own.setdefault(row.staff_id, []).append(row.region_id)
    return [(row, own.get(row.id, [])) for row in session.scalars(select(Staff).order_by(Staff.name))]


def assign(session: Session, staff: Staff, role: str, regions: Iterable[str]) -> None:
    """Gives somebody another role and other regions."""
    staff.role = role
    session.execute(delete(StaffRegion).where(StaffRegion.staff_id == staff.id))
    session.add_all(StaffRegion(staff_id=staff.id, region_id=region) for region in regions)


def staff_by_name(session: Session, name: str) -> Staff | None:
    """The person of this login name, unless they have left."""
    return session.scalar(select(Staff).where(Staff.name == folded(name), Staff.left_at.is_(None)))


def name_is_taken(session: Session, name: str) -> bool:
    """Whether anybody has this login name, or had it: the log speaks of people by it."""
    return session.scalar(select(Staff.id).where(Staff.name == folded(name))) is not None


def staff_by_id(session: Session, staff: int) -> Staff | None:
    """The person of this number, unless they have left."""
    return session.scalar(select(Staff).where(Staff.id == staff, Staff.left_at.is_(None)))


def staff_exists(session: Session) -> bool:
    """Whether anybody can log in yet."""
    return session.scalar(select(Staff.id).limit(1)) is not None


def regions_for(session: Session, staff: Staff) -> list[Region]:
    """The regions that this person may see, by name."""
    if staff.role != "officer":
        return all_regions(session)
    own = select(StaffRegion.region_id).where(StaffRegion.staff_id == staff.id)
    return list(session.scalars(select(Region).where(Region.id.in_(own)).order_by(Region.name)))


def scope_of(session: Session, staff: Staff) -> tuple[str, ...]:
    """The ids of the regions that this person's requests are held to; `*` is all."""
    if staff.role != "officer":
        return (EVERYWHERE,)
    return tuple(session.scalars(select(StaffRegion.region_id).where(StaffRegion.staff_id == staff.id)))


def failed_logins_since(session: Session, subject: str, since: datetime) -> list[datetime]:
    """When logins of this name or address failed, oldest first."""
    tries = select(LoginTry.at).where(LoginTry.subject == subject, LoginTry.at > since).order_by(LoginTry.at)
    return list(session.scalars(tries))


def record_failed_login(session: Session, subjects: Iterable[str], now: datetime, forget_before: datetime) -> None:
    """Remembers a failed login and forgets those that no longer matter."""
    session.execute(delete(LoginTry).where(LoginTry.at <= forget_before))
    session.add_all(LoginTry(subject=subject, at=now) for subject in subjects)


def forget_failed_logins(session: Session, subject: str) -> None:
    """After a login that succeeded."""
    session.execute(delete(LoginTry).where(LoginTry.subject == subject))
