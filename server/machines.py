"""Several machines that run one installation: what must be the same on them, and what one of them lacks.

Each start compares this machine's secrets and keys with what the database remembers of the first one's, as slow hashes: a
machine that made its own would end every session that another one opened, read no phone's SMS, and tell phones to trust a
root key of its own. Source: docs/adr/0026.
"""

import hashlib
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pestwatch.errors import Problem
from pestwatch.release.installation import ROOT_NAME, open_installation
from server.config import Settings
from server.db.access_tables import Fingerprint
from server.db.photo_files import open_photo_files
from server.db.session import insert_once
from server.db.tables import Photo, Release

ROOT = "DATA/keys"
ANOTHER = (
    "it is not the one that this installation has; take it from the machine that was here first (docs/operations.md)"
)


def check_keys(session: Session, settings: Settings, now: datetime) -> None:
    """Makes sure that this machine has the installation's keys; the first machine makes them.

    Args:
      session: a writing transaction.
      settings: of this machine.
      now: aware instant, whole seconds.

    Raises:
      Problem 422.5: it has others.
    """
    known = set(session.scalars(select(Fingerprint.name)))
    if ROOT in known and not (settings.keys_dir / ROOT_NAME).exists():
        raise Problem("422.5", field=ROOT, detail=ANOTHER)
    for name, value in _fingerprints(settings, now).items():
        insert_once(session, Fingerprint, name=name, value=value, noted_at=now)
        standing = session.scalars(select(Fingerprint.value).where(Fingerprint.name == name)).one()
        if standing != value:
            raise Problem("422.5", field=name, detail=ANOTHER)


def forget_keys(session: Session) -> None:
    """The next machine that starts says which keys are the installation's."""
    session.execute(delete(Fingerprint))


def lacking(session: Session, settings: Settings) -> list[str]:
    """What other machines made and this one would have to give out: names of releases, and of photos on a disk of its own."""
    rows = select(Release.region_id, Release.version).order_by(Release.seq)
    latest = {region: version for region, version in session.execute(rows)}  # noqa: C416 - dict() loses the types; by region, the last one stays
    found = [
        f"the release {version}"
        for region, version in latest.items()
        if not (settings.releases_dir / region / version).exists()
    ]
    photo = session.scalar(select(Photo.sha256).order_by(Photo.received_at.desc()).limit(1))
    if photo is not None and not settings.s3_bucket:
        try:
            open_photo_files(settings).read(photo)
        except Problem:
            found.append(f"the photo {photo[:12]}")
    return found


def _fingerprints(settings: Settings, now: datetime) -> dict[str, str]:
    return {
        "PESTWATCH_SECRET_KEY": _slow("secret", settings.secret_key),
        "PESTWATCH_SMS_KEY": _slow("sms", settings.sms_key),
        ROOT: open_installation(settings.keys_dir, now).root.key_id,
    }


def _slow(name: str, secret: str) -> str:
    """A secret that a person chose may be a short one: whoever reads the database shall not find it by trying."""
    return hashlib.scrypt(secret.encode(), salt=f"pestwatch {name}".encode(), n=2**14, r=8, p=1, dklen=32).hex()
