"""A phone in its farmer's language: it fetches that one alone, keeps it offline, and shows what is missing or unchecked."""

import json
import shutil
from pathlib import Path

import pytest
from babel.dates import get_month_names
from playwright.sync_api import Page, expect

from pestwatch import i18n
from pestwatch.catalogs import phone_key
from tests.conftest import Chromium
from tests.field.conftest import AppServer, Serve, browser, tap


def catalogues_asked(server: AppServer) -> set[str]:
    return {path.rsplit("/", 1)[-1] for path in server.asked if "/i18n/" in path}


def test_a_phone_fetches_its_own_language_alone_and_keeps_it(
    chromium: Chromium, serve: Serve, app_dist: Path, tmp_path: Path
) -> None:
    server = serve(app_dist)
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.goto(server.app_url)
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        tap(page, "language-or")
        tap(page, "consent-agree")
        expect(page.get_by_test_id("screen-new-trap")).to_be_visible()
        page.evaluate("location.hash = '#/'")
        page.reload()
        expect(page.get_by_test_id("add-trap")).to_contain_text("ଯନ୍ତା ଯୋଡ଼ନ୍ତୁ")
        assert catalogues_asked(server) == {"en.json", "or.json"}
        server.stop()
        context.set_offline(True)
        page.reload()
        expect(page.get_by_test_id("add-trap")).to_contain_text("ଯନ୍ତା ଯୋଡ଼ନ୍ତୁ")
        # Chrome itself knows no Odia: the months come with the catalogue.
        for testid in ("add-trap", "emptied-3", "save-trap", "tab-outbox"):
            tap(page, testid)
        today = page.evaluate("[new Date().getDate(), new Date().getMonth() + 1, new Date().getFullYear()]")
        month = get_month_names("wide", locale="or_IN")[today[1]]
        expect(page.get_by_test_id("screen-outbox")).to_contain_text(f"{today[0]} {month} {today[2]}")


def test_a_sentence_without_a_translation_is_english_and_says_so(
    chromium: Chromium, serve: Serve, app_dist: Path, tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    shutil.copytree(app_dist, dist)
    catalogue = json.loads((dist / "i18n" / "bn.json").read_text(encoding="utf-8"))
    del catalogue["messages"][phone_key("I am 18 or older, and I agree")]
    (dist / "i18n" / "bn.json").write_text(json.dumps(catalogue), encoding="utf-8")
    for packed in dist.glob("i18n/bn.json.*"):
        packed.unlink()
    with browser(chromium, tmp_path / "phone") as context:
        page = context.new_page()
        page.goto(serve(dist).app_url)
        tap(page, "language-bn")
        agree = page.get_by_test_id("consent-agree")
        expect(agree.locator("[lang=en]")).to_have_text("I am 18 or older, and I agree")
        expect(agree.locator(".tag-en")).to_be_visible()
        expect(page.locator(".tag-en")).to_have_count(1)


@pytest.mark.parametrize("locale", ["en", "gu"])
def test_the_settings_say_whether_a_native_speaker_has_checked_the_language(farmer: Page, locale: str) -> None:
    for testid in ("tab-settings", "change-language", f"language-{locale}"):
        tap(farmer, testid)
    row = farmer.get_by_test_id("setting-language")
    expect(row).to_contain_text(i18n.LOCALES[locale])
    unchecked = i18n.translate(locale, "field", "A native speaker has not checked this language yet.")
    expect(row.get_by_text(unchecked)).to_have_count(0 if locale == "en" else 1)
