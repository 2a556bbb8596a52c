"""Photos that never arrived whole are let go of."""

from datetime import datetime

from server.config import Settings
from server.db.photo_parts import DiskParts, open_parts


def forget_half_photos(settings: Settings, now: datetime) -> int:
    """Lets go of half photos that no phone goes on with; answers how many."""
    forgotten = open_parts(settings).forget_old(now)
    if settings.s3_bucket:  # what lay on the disk before there was a bucket
        forgotten += DiskParts(settings.uploads_dir).forget_old(now)
    return forgotten
