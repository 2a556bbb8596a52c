"""Photos that never arrived whole are let go of."""

from datetime import datetime

from server.config import Settings
from server.db.photo_parts import PhotoParts


def forget_half_photos(settings: Settings, now: datetime) -> int:
    """Lets go of half photos that no phone goes on with; answers how many."""
    return PhotoParts(settings.uploads_dir).forget_old(now)
