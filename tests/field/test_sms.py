"""A phone without data hands its counts to the SMS app, and believes nothing until the server has answered."""

import base64
import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from pestwatch.sync.protocol import Fact
from pestwatch.sync.sms import from_text, read_sms
from tests.field.conftest import count_by_hand, enrol_with, sync_answer, tap

SMS_KEY = bytes(range(32))
NUMBER = "+919876543210"


def enrol_for_sms(farmer: Page, sms: dict[str, str] | None) -> None:
    """Enrols the phone at a server that is cut off from then on."""
    enrol_with(farmer.context, sync_answer, sms=sms)
    farmer.goto(re.sub("#.*", "#enrol=abcdefghjkmnp", farmer.url))
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("total-arrived")).to_have_attribute("data-count", "1")
    farmer.context.unroute_all()
    farmer.context.set_offline(True)
    tap(farmer, "tab-traps")


def text_of(link: Locator) -> list[Fact]:
    """The facts in the SMS that a link has ready, read as the server reads them."""
    address = urlsplit(link.get_attribute("href") or "")
    assert (address.scheme, address.path) == ("sms", NUMBER)
    (text,) = parse_qs(address.query, keep_blank_values=True)["body"]
    return read_sms(from_text(text), SMS_KEY)


def test_counts_of_a_phone_without_data_go_as_sms_and_wait_until_the_server_confirms_them(farmer: Page) -> None:
    enrol_for_sms(farmer, {"number": NUMBER, "key": base64.b64encode(SMS_KEY).decode()})
    count_by_hand(farmer, 4)
    tap(farmer, "advice-done")
    tap(farmer, "tab-outbox")
    link = farmer.get_by_test_id("send-sms")
    expect(link).to_contain_text("Send 1 count as SMS")
    (first,) = text_of(link)
    assert (first.seq, first.typed.body.counts, first.typed.body.nights) == (2, {"HELIAR": 40}, 3)
    link.click()
    expect(farmer.get_by_test_id("outbox-item").first).to_contain_text("Sent by SMS, not yet confirmed")
    expect(farmer.get_by_test_id("total-waiting")).to_have_attribute("data-count", "1")
    expect(link).to_contain_text("again")
    tap(farmer, "tab-traps")
    count_by_hand(farmer, 1)
    tap(farmer, "advice-done")
    tap(farmer, "tab-outbox")
    assert [fact.seq for fact in text_of(link)] == [3], "what was never sent goes first"
    enrol_with(farmer.context, sync_answer)
    farmer.context.set_offline(False)
    expect(farmer.get_by_test_id("total-arrived")).to_have_attribute("data-count", "3")
    expect(link).to_have_count(0)


def test_a_phone_without_an_sms_key_has_no_sms_button(farmer: Page) -> None:
    enrol_for_sms(farmer, None)
    count_by_hand(farmer, 4)
    tap(farmer, "advice-done")
    tap(farmer, "tab-outbox")
    expect(farmer.get_by_test_id("total-waiting")).to_have_attribute("data-count", "1")
    expect(farmer.get_by_test_id("send-sms")).to_have_count(0)
