"""Device tokens, enrolment codes, SMS keys, staff sessions: who is asking, and what they may see.

Promises: tokens and codes are stored as SHA-256 only (they are random, so a fast hash is enough: 0.6 µs); passwords as
argon2id; SMS keys, which the server has to know, encrypted with a key from the settings. A token travels in a header,
never in a URL, so it stands in no access log. Five failed logins within fifteen minutes close a name, or an address,
for the rest of them.
"""

import base64
import functools
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from cryptography.fernet import Fernet, InvalidToken
from flask import g, request
from flask import session as cookie
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from pestwatch.sync.sms import KEY_BYTES
from server.config import current_settings
from server.db import devices, openings, people
from server.db.access_tables import EnrolmentOpening
from server.db.scope import NOBODY, Scope
from server.db.session import become, session_scope
from server.db.tables import Device, Region, Staff

CODE_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
CODE_LETTERS = 13
"""13 letters of base32 are 65 bits."""
CODE_LIFE = timedelta(hours=24)
LOGIN_TRIES = 5
LOGIN_WINDOW = timedelta(minutes=15)
SPOKEN_TRIES = 10
"""Wrong six-digit codes from one address within LOGIN_WINDOW; a mobile network has many phones behind one address."""
SPOKEN_TRIES_OF_ALL = 50
"""The same from everywhere; docs/access.md says how likely a guess is then."""
SMS_TRIES = 20
"""Texts of one sender that could not be used, within LOGIN_WINDOW; a phone has seldom more than one to send."""
NATIONAL_DIGITS = 10
"""Of an Indian number: +91 98765 43210, 098765 43210 and 98765 43210 are one."""
MIN_PASSWORD_LETTERS = 10
Right = Literal["see", "recount", "phones", "data", "train", "agronomy", "office"]
RIGHTS: Mapping[str, frozenset[Right]] = {
    "officer": frozenset({"see", "recount", "phones", "data", "train"}),
    "agronomist": frozenset({"see", "recount", "agronomy"}),
    "admin": frozenset({"see", "recount", "phones", "data", "train", "office"}),
}
"""Role -> what it may do in the regions that it sees; `office` is staff, regions and the log. Source: docs/access.md."""
_READ_AS = str.maketrans({"0": "O", "1": "I", "8": "B", "-": "", " ": ""})
_hasher = PasswordHasher()


def hash_secret(token: str) -> str:
    """SHA-256 of a random token or code, hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_code(session: Session, region: str, now: datetime, staff: int | None = None) -> str:
    """Makes a code that enrols one phone in a region, once, within 24 hours."""
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LETTERS))
    devices.record_code(session, region, hash_secret(code), now=now, expires_at=now + CODE_LIFE, staff=staff)
    return code


def enrolment_address(public_url: str, code: str) -> str:
    """What stands in the QR code. The code follows a #, so that no server and no proxy ever sees it in a log."""
    return f"{public_url}/app/#enrol={code}"


def enrol(session: Session, code: str, now: datetime, token: str | None = None, **phone: Any) -> tuple[Device, str]:
    """Enrols a phone with the code of a QR.

    Args:
      session: a writing transaction.
      code: as scanned or typed; letter case, spaces and the digits 0, 1 and 8 are forgiven.
      now: aware instant.
      token: made by the phone; one is made here, and shown this once, for a phone that made none.
      **phone: locale, consent, app_version, sms_key.

    Raises:
      Problem 410.1: the code is unknown, used or too old.
    """
    token = token or secrets.token_urlsafe(32)
    typed = code.upper().translate(_READ_AS)
    return devices.enrol_device(session, hash_secret(typed), hash_secret(token), now=now, **phone), token


def ask_officer(
    session: Session, code: str, token: str, name: str, phone: dict[str, Any], address: str, now: datetime
) -> EnrolmentOpening | None:
    """Asks the officer whose six digits these are; None: nobody's, and that was counted.

    Args:
      session: a writing transaction, to be committed whatever comes back.
      code: six digits.
      token: made by the phone.
      name: what the officer shall call the farmer.
      phone: as for `enrol`.
      address: where the request came from.
      now: aware instant.

    Raises:
      Problem 429.1: too many wrong codes from this address, or from everywhere.
    """
    subjects = {f"spoken:{network_of(address)}": SPOKEN_TRIES, "spoken": SPOKEN_TRIES_OF_ALL}
    for subject, allowed in subjects.items():
        check_tries(session, subject, allowed, now)
    hashed = hash_secret(token)
    opening = None
    if devices.device_by_token(session, hashed) is None or openings.opening_by_token(session, hashed):
        opening = openings.ask_with_code(session, code, hashed, name=name, phone=phone, now=now)
    if opening is None:
        note_failure(session, subjects, now)
    return opening


def network_of(address: str) -> str:
    """What tries are counted under: an IPv4 address, or the /64 that one caller of IPv6 has to choose addresses from."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:80]
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)


def make_sms_key() -> str:
    """Makes the key that signs one phone's SMS, and nothing else; encrypted, as it is stored."""
    return _sms_lock().encrypt(secrets.token_bytes(KEY_BYTES)).decode()


def sms_key_of(device: Device) -> bytes:
    """A phone's SMS key.

    Raises:
      Problem 401.5: it was enrolled without one, or the settings no longer open it.
    """
    try:
        return _sms_lock().decrypt(device.sms_key or "")
    except InvalidToken as error:
        raise Problem("401.5") from error


def check_gateway(engine: Engine, address: str, now: datetime) -> None:
    """Makes sure that a request comes from our SMS gateway.

    Raises:
      Problem 401.3: it does not say our secret, or we have none.
      Problem 429.1: too many wrong secrets from this address.
    """
    subject = f"gateway:{network_of(address)}"
    with session_scope(engine, read_only=True) as session:
        check_tries(session, subject, LOGIN_TRIES, now)
    expected, given = current_settings().sms_secret or "", bearer()
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        with session_scope(engine) as session:
            note_failure(session, [subject], now)
        raise Problem("401.3")


def number_hash(number: str) -> str:
    """A telephone number as it is kept and searched for: without our key nobody can read it, or try all there are."""
    digits = "".join(letter for letter in number if letter.isdecimal())[-NATIONAL_DIGITS:]
    return hmac.digest(current_settings().secret_key.encode(), digits.encode(), "sha256").hex()


def check_tries(session: Session, subject: str, allowed: int, now: datetime) -> None:
    """Makes sure that somebody has not failed too often lately.

    Raises:
      Problem 429.1: they have.
    """
    tries = people.failed_logins_since(session, subject, now - LOGIN_WINDOW)
    if len(tries) >= allowed:
        free_again = tries[-allowed] + LOGIN_WINDOW
        raise Problem("429.1", seconds=max(1, round((free_again - now).total_seconds())))


def note_failure(session: Session, subjects: Iterable[str], now: datetime) -> None:
    """Counts a failure of each subject, for as long as it matters."""
    people.record_failed_login(session, subjects, now, forget_before=now - LOGIN_WINDOW)


def show_token() -> None:
    """Before each request: whoever shows a phone's token may find that phone, and so far nothing else."""
    token = bearer()
    g.scope = Scope(token_hash=hash_secret(token)) if token else NOBODY


def device_of_request(session: Session) -> Device:
    """The phone that sent this request, revoked or not; from now on the request sees what belongs to it.

    Raises:
      Problem 401.1: no token, or an unknown one.
    """
    token = bearer()
    device = devices.enter_as_device(session, hash_secret(token)) if token else None
    if device is None:
        raise Problem("401.1")
    g.device = device.id  # for the log
    g.scope = Scope(device=device.id, home=device.region_id)
    return device


def hash_password(password: str) -> str:
    """argon2id of a password.

    Raises:
      Problem 422.5: it is too short.
    """
    if len(password) < MIN_PASSWORD_LETTERS:
        raise Problem("422.5", field="password", detail=f"it needs {MIN_PASSWORD_LETTERS} letters or more")
    return _hasher.hash(password)


def log_in(engine: Engine, name: str, password: str, address: str, now: datetime) -> Staff:
    """Checks name and password. The slow hash runs outside any transaction.

    Args:
      engine: the database.
      name: login name.
      password: as typed.
      address: where the request came from.
      now: aware instant.

    Raises:
      Problem 401.2: name or password is wrong; which of them stays unsaid, and takes equally long.
      Problem 429.1: too many failures for this name or from this address.
    """
    subjects = (f"name:{people.folded(name)[:100]}", f"address:{network_of(address)}")
    with session_scope(engine, read_only=True) as session:
        staff = people.staff_by_name(session, name)
        for subject in subjects:
            check_tries(session, subject, LOGIN_TRIES, now)
    if not _is_password(password, staff) or staff is None:
        with session_scope(engine) as session:
            note_failure(session, subjects, now)
        raise Problem("401.2")
    with session_scope(engine) as session:
        people.forget_failed_logins(session, subjects[0])
    return staff


def remember(staff: Staff) -> None:
    """Opens a session: a cookie signed by this server that says who, and carries a fresh CSRF token."""
    cookie.clear()
    cookie.permanent = True
    cookie["staff"], cookie["of"] = staff.id, _password_mark(staff)


def forget() -> None:
    """Closes the session of this request."""
    cookie.clear()


def current_staff(session: Session) -> Staff | None:
    """Who is logged in, and the request then sees their regions; None if nobody is, or their password is another now."""
    number = cookie.get("staff")
    staff = people.staff_by_id(session, number) if isinstance(number, int) else None
    if staff is None or not hmac.compare_digest(_password_mark(staff), str(cookie.get("of"))):
        return None
    become(session, Scope(regions=people.scope_of(session, staff)))
    return staff


def may(staff: Staff, right: Right) -> bool:
    """Whether somebody's role has a right."""
    return right in RIGHTS[staff.role]


def require(staff: Staff, right: Right) -> None:
    """Makes sure of it.

    Raises:
      Problem 403.1: it has not.
    """
    if not may(staff, right):
        raise Problem("403.1")


def allowed_region(session: Session, staff: Staff, region: str, right: Right = "see") -> Region:
    """The region, if this person may do this there.

    Raises:
      Problem 403.1: they may not, or there is no such region; which of them stays unsaid.
    """
    require(staff, right)
    for row in people.regions_for(session, staff):
        if row.id == region:
            return row
    raise Problem("403.1")


def csrf_token() -> str:
    """The token that every form of this session carries in a field named `csrf`."""
    return str(cookie.setdefault("csrf", secrets.token_urlsafe(24)))


def check_csrf() -> None:
    """Makes sure that a form was filled in on a page of ours.

    Raises:
      Problem 403.3: it was not, or the session has ended since.
    """
    expected, given = cookie.get("csrf", ""), request.form.get("csrf", "")
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Problem("403.3")


def bearer() -> str:
    """The token of this request's header, empty if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


def _password_mark(staff: Staff) -> str:
    """Changes with the password: sessions that were opened with the former one end."""
    return hash_secret(staff.password_hash)[:16]


def _sms_lock() -> Fernet:
    """Any text may be the setting; Fernet wants 32 bytes."""
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(current_settings().sms_key.encode()).digest()))


@functools.cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe())


def _is_password(password: str, staff: Staff | None) -> bool:
    # An unknown name costs one hash too, or its absence could be read from a clock.
    try:
        return _hasher.verify(staff.password_hash if staff else _nobodys_hash(), password) and staff is not None
    except VerificationError:
        return False
    except ValueError:  # a hash of another kind: this person cannot log in with a password
        return False
