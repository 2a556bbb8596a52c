"""PUT /photos/<sha256>: a photo that its farmer agreed to send.

Promises: only a photo that an observation of this phone names, with consent, is stored; sending it again is harmless.
"""

import re
from collections.abc import Iterator

from flask import Blueprint, Response, request

from pestwatch.errors import Problem
from server import auth
from server.api.answers import PREFIX, answer
from server.config import current_settings, current_time
from server.db import photos
from server.db.photo_files import MAX_PHOTO_BYTES, keep_photo
from server.db.session import request_scope

CHUNK_BYTES = 64_000
blueprint = Blueprint("photos", __name__, url_prefix=PREFIX)


@blueprint.put("/photos/<sha256>")
def put_photo(sha256: str) -> Response:
    """Stores the photo: 201 the first time, 200 when it is here already."""
    request.max_content_length = MAX_PHOTO_BYTES
    with request_scope(read_only=True) as session:
        device = auth.device_of_request(session)
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise Problem("404.1", name=sha256[:80])
        if not photos.may_send_photo(session, device, sha256):
            raise Problem("403.2")
        is_here = photos.photo_by_sha256(session, sha256) is not None
    if is_here:
        return answer({"sha256": sha256})
    header = keep_photo(current_settings().photos_dir, sha256, _chunks())
    with request_scope() as session:
        is_new = photos.record_photo(session, device, sha256, header, current_time())
    return answer({"sha256": sha256}, 201 if is_new else 200)


def _chunks() -> Iterator[bytes]:
    while chunk := request.stream.read(CHUNK_BYTES):
        yield chunk
