"""Every endpoint, asked by everybody: the table says what each may do. An endpoint without a line here fails.

Who is refused learns nothing: a region that is not theirs and one that does not exist answer alike. A phone's token opens
no page of the office, and a session of the office opens nothing of the phones.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from flask import Flask
from sqlalchemy import Engine

from pestwatch.release.registry import find_current
from server import auth
from server.config import REPOSITORY, Settings
from server.db import devices, openings
from server.db.session import session_scope
from tests import factories
from tests.factories import NOW, REGION, instant, observation_fact, png, push, trap_fact
from tests.server.conftest import Phone
from tests.server.officer import HASH, hire

ELSEWHERE = "IN-TG-501"
PHOTO = png()
SHA256 = hashlib.sha256(PHOTO).hexdigest()
ROLES = (
    "anonymous", "phone", "revoked", "foreign phone", "gateway", "officer", "foreign officer", "agronomist", "admin",
)  # fmt: skip

TABLE = """
                                                             anon phone revk farp gate offi faro agro admi
GET    /                                                     302  302  302  302  302  200  200  200  200
GET    /agronomy                                             302  302  302  302  302  403  403  200  403
POST   /agronomy                                             302  302  302  302  302  403  403  404  403
POST   /api/v1/consent                                       401  200  200  200  401  401  401  401  401
POST   /api/v1/enrol                                         410  410  410  410  410  410  410  410  410
GET    /api/v1/enrol                                         401  410  410  410  410  401  401  401  401
GET    /api/v1/health                                        200  200  200  200  200  200  200  200  200
GET    /api/v1/photos/<sha256>                               401  200  403  403  401  401  401  401  401
PATCH  /api/v1/photos/<sha256>                               401  200  403  403  401  401  401  401  401
GET    /api/v1/ready                                         200  200  200  200  200  200  200  200  200
GET    /api/v1/releases/<region>/<version>/<name>            200  200  200  200  200  200  200  200  200
GET    /api/v1/releases/<region>/current                     200  200  200  200  200  200  200  200  200
POST   /api/v1/sms                                           401  401  401  401  200  401  401  401  401
POST   /api/v1/sync                                          401  200  200  200  401  401  401  401  401
GET    /app                                                  308  308  308  308  308  308  308  308  308
GET    /app/                                                 200  200  200  200  200  200  200  200  200
GET    /app/<path:name>                                      200  200  200  200  200  200  200  200  200
GET    /login                                                200  200  200  200  200  302  302  302  302
POST   /login                                                403  403  403  403  403  401  401  401  401
POST   /logout                                               302  302  302  302  302  302  302  302  302
GET    /metrics                                              404  404  404  404  404  404  404  404  404
GET    /office                                               302  302  302  302  302  403  403  403  200
GET    /office/log                                           302  302  302  302  302  403  403  403  200
POST   /office/regions                                       302  302  302  302  302  403  403  403  302
POST   /office/staff                                         302  302  302  302  302  403  403  403  422
POST   /office/staff/<int:staff>                             302  302  302  302  302  403  403  403  302
POST   /office/staff/<int:staff>/leave                       302  302  302  302  302  403  403  403  302
POST   /office/staff/<int:staff>/password                    302  302  302  302  302  403  403  403  200
GET    /regions/<region>                                     302  302  302  302  302  200  403  200  200
GET    /regions/<region>/advice                              302  302  302  302  302  200  403  200  200
GET    /regions/<region>/data                                302  302  302  302  302  200  403  403  200
POST   /regions/<region>/data                                302  302  302  302  302  422  403  403  422
GET    /regions/<region>/data/file                           302  302  302  302  302  200  403  403  200
GET    /regions/<region>/model                               302  302  302  302  302  200  403  200  200
POST   /regions/<region>/model/retrain                       302  302  302  302  302  302  403  403  302
POST   /regions/<region>/openings                            302  302  302  302  302  302  403  403  302
GET    /regions/<region>/openings/<int:opening>              302  302  302  302  302  200  403  403  404
POST   /regions/<region>/openings/<int:opening>/answer       302  302  302  302  302  410  403  403  404
GET    /regions/<region>/phones                              302  302  302  302  302  200  403  403  200
POST   /regions/<region>/phones                              302  302  302  302  302  200  403  403  200
POST   /regions/<region>/phones/<int:device>/believe         302  302  302  302  302  302  403  403  302
POST   /regions/<region>/phones/<int:device>/copy            302  302  302  302  302  200  403  403  200
POST   /regions/<region>/phones/<int:device>/erase           302  302  302  302  302  422  403  403  422
POST   /regions/<region>/phones/<int:device>/lead            302  302  302  302  302  302  403  403  302
POST   /regions/<region>/phones/<int:device>/move            302  302  302  302  302  302  403  403  302
GET    /regions/<region>/phones/<int:device>/rights          302  302  302  302  302  200  403  403  200
POST   /regions/<region>/phones/<int:device>/stop            302  302  302  302  302  302  403  403  302
GET    /regions/<region>/review                              302  302  302  302  302  200  403  200  200
POST   /regions/<region>/senders                             302  302  302  302  302  200  403  403  200
GET    /review/<observation>                                 302  302  302  302  302  200  404  200  200
POST   /review/<observation>                                 302  302  302  302  302  302  404  302  302
GET    /review/<observation>/photo                           302  302  302  302  302  200  404  200  200
GET    /static/<path:filename>                               200  200  200  200  200  200  200  200  200
"""
YESTERDAY = {"as": "csv", "first": "2026-11-24", "last": "2026-11-24"}
SAID: dict[str, dict[str, Any]] = {
    "POST /api/v1/enrol": {
        "json": {"code": "AAAAAAAAAAAAA", "locale": "hi", "consent": {"version": 2, "at": instant(NOW), "locale": "hi"}}
    },
    "POST /api/v1/sync": {"json": push()},
    "PATCH /api/v1/photos/<sha256>": {
        "data": PHOTO,
        "headers": {"Upload-Offset": "0", "Upload-Length": str(len(PHOTO))},
    },
    "POST /review/<observation>": {"data": {"count-HELIAR": "3"}},
    "POST /api/v1/sms": {"data": {"text": "no text of ours", "from": "+910000000000"}},
    "GET /regions/<region>/data/file": {"query_string": YESTERDAY},
    "POST /api/v1/consent": {"json": {"consent": {"version": 2, "at": instant(NOW), "locale": "hi"}, "agreed": True}},
    "POST /regions/<region>/senders": {"data": {"number": "9876543210"}},
    "POST /regions/<region>/phones/<int:device>/move": {"data": {"to": REGION}},
    "POST /office/staff/<int:staff>": {"data": {"role": "officer", "regions": REGION}},
    "POST /office/regions": {"data": {"region": ELSEWHERE, "name": "Warangal"}},
}
"""What is said beside the address, where something must be."""


def table() -> dict[str, tuple[int, ...]]:
    """`METHOD rule` -> the status for each of ROLES."""
    lines = (line.split() for line in TABLE.strip().splitlines()[1:])
    return {f"{method} {rule}": tuple(int(status) for status in statuses) for method, rule, *statuses in lines}


def endpoints(app: Flask) -> Iterator[str]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield f"{method} {rule.rule}"


class World:
    """Two regions with everybody in them, and one of each thing that an address can name."""

    def __init__(self, app: Flask, engine: Engine, settings: Settings) -> None:
        settings.app_dir.mkdir()
        (settings.app_dir / "index.html").write_text("<!doctype html>")
        settings.models_dir.mkdir()
        (settings.models_dir / "releases").symlink_to(REPOSITORY / "mobile_models" / "releases")
        release = find_current("base", settings.models_dir / "releases").manifest
        with session_scope(engine) as session:
            factories.region(session, ELSEWHERE, "Warangal")
            phone, revoked, _ = (
                factories.device(session, token=name, region=region)
                for name, region in (("phone", REGION), ("revoked", REGION), ("far", ELSEWHERE))
            )
        tokens = {
            "anonymous": "",
            "phone": "phone",
            "revoked": "revoked",
            "foreign phone": "far",
            "gateway": "the gateway's word",
        }
        self.phones = {role: Phone(phone, token, app.test_client()) for role, token in tokens.items()}
        staff = {
            "officer": hire(engine),
            "foreign officer": hire(engine, "far", regions=(ELSEWHERE,)),
            "agronomist": hire(engine, "leela", "agronomist", ()),
            "admin": hire(engine, "meera", "admin", ()),
        }
        self.officers = {role: (app.test_client(), number) for role, number in staff.items()}
        self.phones["phone"].sync(trap_fact(1), observation_fact(2, photo=SHA256, photo_consent=True))
        assert self.phones["phone"].send_photo(SHA256, PHOTO).status_code == 201
        with session_scope(engine) as session:
            devices.revoke_device(session, revoked.id, NOW)
            opened = openings.open_enrolment(session, REGION, staff["officer"], NOW)
        self.named = {
            "/<region>/<version>/": f"/base/{release.version}/",
            "<region>": REGION,
            "<int:device>": str(phone.id),
            "<observation>": f"{phone.id}-2",
            "<sha256>": SHA256,
            "<int:opening>": str(opened.id),
            "<int:staff>": str(hire(engine, "ravi")),
            "<name>": release.files[0].name,
            "<path:name>": "index.html",
            "<path:filename>": "dashboard.css",
        }

    def ask(self, role: str, endpoint: str) -> int:
        """The status that somebody gets."""
        method, address = endpoint.split()
        for placeholder, value in self.named.items():
            address = address.replace(placeholder, value)
        said = {
            "method": method,
            "environ_base": {"REMOTE_ADDR": f"10.0.0.{ROLES.index(role)}"},
            **SAID.get(endpoint, {}),
        }
        if role in self.phones:
            phone = self.phones[role]
            said["headers"] = said.get("headers", {}) | (phone.headers if phone.token else {})
            with phone.client.open(address, **said) as answer:
                return answer.status_code
        client, staff = self.officers[role]
        with client.session_transaction() as cookie:  # anew each time: one of the endpoints is the way out
            cookie.update(staff=staff, of=auth.hash_secret(HASH)[:16], csrf="of-this-page")
        if method == "POST" and "json" not in said:
            said["data"] = {"csrf": "of-this-page"} | said.get("data", {})
        with client.open(address, **said) as answer:
            return answer.status_code


def test_everybody_gets_what_the_table_says_at_every_endpoint(app: Flask, engine: Engine, settings: Settings) -> None:
    world, expected = World(app, engine, settings), table()
    found = {endpoint: tuple(world.ask(role, endpoint) for role in ROLES) for endpoint in expected}
    assert found == expected


def test_every_endpoint_has_its_line(app: Flask) -> None:
    assert sorted(endpoints(app)) == sorted(table())


def test_a_region_that_is_not_ones_own_and_one_that_is_none_answer_alike(
    app: Flask, engine: Engine, settings: Settings
) -> None:
    world = World(app, engine, settings)
    rooms = [endpoint for endpoint in table() if "/regions/<region>" in endpoint and "/api/" not in endpoint]
    assert rooms
    for endpoint in rooms:
        world.named["<region>"] = ELSEWHERE
        theirs = world.ask("officer", endpoint)
        world.named["<region>"] = "IN-XX-999"
        assert (theirs, world.ask("officer", endpoint)) == (403, 403), endpoint
