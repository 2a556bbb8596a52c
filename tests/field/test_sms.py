"""A phone without data hands its counts to the SMS app, and believes nothing until the server has answered."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from server import auth
from server.db.migrate import upgrade_to_head
from server.db.session import request_scope
from tests import factories
from tests.field.conftest import AppServer, count_by_hand, enrol_with, sync_answer, tap

NUMBER = "+919876543210"


@pytest.fixture
def server(app_dist: Path, tmp_path: Path) -> Iterator[AppServer]:
    """A whole server that an SMS gateway may speak to."""
    server = AppServer(app_dist, tmp_path / "data", SMS_NUMBER=NUMBER, SMS_SECRET="the gateway's word")
    upgrade_to_head(server.app.extensions["pestwatch.engine"])
    yield server
    server.stop()
    server.app.extensions["pestwatch.engine"].dispose()


def enrolment_code(server: AppServer) -> str:
    with server.app.app_context(), request_scope() as session:
        factories.region(session)
        return auth.make_code(session, factories.REGION, server.app.extensions["pestwatch.clock"]())


def cut_off_once_enrolled(farmer: Page, code: str) -> None:
    farmer.goto(re.sub("#.*", f"#enrol={code}", farmer.url))
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("total-arrived")).to_have_attribute("data-count", "1")
    farmer.context.unroute_all()
    farmer.context.set_offline(True)
    tap(farmer, "tab-traps")


def count_and_look_at_the_outbox(farmer: Page, tens: int) -> None:
    count_by_hand(farmer, tens)
    tap(farmer, "advice-done")
    tap(farmer, "tab-outbox")


def brought(server: AppServer, link: Locator) -> list[tuple[int, str]]:
    """What the server says once the gateway has brought the text that a link has ready."""
    address = urlsplit(link.get_attribute("href") or "")
    assert (address.scheme, address.path) == ("sms", NUMBER)
    (text,) = parse_qs(address.query, keep_blank_values=True)["body"]
    said = server.app.test_cli_runner().invoke(args=["bring-sms", text, "--url", server.url])
    return [(item["seq"], item["status"]) for item in json.loads(said.output)["items"]]


def test_counts_of_a_phone_without_data_go_as_sms_and_wait_until_the_server_confirms_them(
    farmer: Page, server: AppServer
) -> None:
    cut_off_once_enrolled(farmer, enrolment_code(server))
    count_and_look_at_the_outbox(farmer, 4)
    link = farmer.get_by_test_id("send-sms")
    expect(link).to_contain_text("Send 1 count as SMS")
    assert brought(server, link) == [(2, "stored")]
    link.click()
    expect(farmer.get_by_test_id("outbox-item").first).to_contain_text("Sent by SMS, not yet confirmed")
    expect(farmer.get_by_test_id("total-waiting")).to_have_attribute("data-count", "1")
    expect(link).to_contain_text("again")
    assert brought(server, link) == [(2, "duplicate")]
    tap(farmer, "tab-traps")
    count_and_look_at_the_outbox(farmer, 1)
    assert brought(server, link) == [(3, "stored")], "what was never sent goes first"
    farmer.context.set_offline(False)
    expect(farmer.get_by_test_id("total-arrived")).to_have_attribute("data-count", "3")
    expect(farmer.get_by_test_id("total-refused")).to_have_attribute("data-count", "0")
    expect(link).to_have_count(0)


def test_a_phone_without_an_sms_key_has_no_sms_button(farmer: Page) -> None:
    enrol_with(farmer.context, sync_answer)
    cut_off_once_enrolled(farmer, "abcdefghjkmnp")
    count_and_look_at_the_outbox(farmer, 4)
    expect(farmer.get_by_test_id("total-waiting")).to_have_attribute("data-count", "1")
    expect(farmer.get_by_test_id("send-sms")).to_have_count(0)
