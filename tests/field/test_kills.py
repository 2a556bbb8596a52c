"""The phone dies at random moments of counting, saving and sending; no observation is lost, none comes twice.

PESTWATCH_KILLS says how often (`make soak`: 50), PESTWATCH_KILL_SEED when.
"""

import os
import random
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect

from tests.conftest import Chromium
from tests.field.conftest import browser, tap
from tests.field.faults import (
    arrives,
    begin,
    count,
    is_once_each,
    kill_in,
    on_the_phone,
    on_the_server,
    stop,
    whole_server,
)
from tests.field.link import Link

KILLS = int(os.environ.get("PESTWATCH_KILLS", "10"))
SEED = int(os.environ.get("PESTWATCH_KILL_SEED", "20261126"))
A_LIFE_S = 2.5
"""Long enough for two or three counts, so that every step meets its kill."""


class Farmer:
    """Counts and saves as long as the phone lives, and remembers what was begun and what was seen saved."""

    def __init__(self) -> None:
        self.begun = [0]
        self.saved: list[int] = []

    def live(self, page: Page) -> None:
        while True:
            self.begun.append(self.begun[-1] + 1)
            count(page, self.begun[-1])
            self.saved.append(self.begun[-1])

    def comes_back(self, page: Page, link: Link) -> list[int]:
        """Opens the app after a death, whenever it came, and checks it; what is on the phone."""
        page.goto(link.app_url)
        page.get_by_test_id("add-trap").wait_for()
        counts, drafts = on_the_phone(page)
        assert is_once_each(counts), counts
        assert set(self.saved) <= set(counts), f"lost: {set(self.saved) - set(counts)}"
        assert not (self.begun[-1] in counts and self.begun[-1] in drafts), "saved, and would be saved again"
        if drafts:
            tap(page, "draft-discard")
            expect(page.get_by_test_id("draft-waiting")).to_have_count(0)
        return counts


def test_a_phone_that_dies_at_random_moments_loses_nothing_and_sends_nothing_twice(
    chromium: Chromium, app_dist: Path, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    deaths = [(chance.uniform(0, A_LIFE_S), chance.random() < 2 / 3) for _ in range(KILLS)]
    server = whole_server(app_dist, tmp_path / "data")
    profile = tmp_path / "phone"
    farmer = Farmer()
    with Link(server.port) as link:
        with browser(chromium, profile) as context:
            begin(context.new_page(), link, server)
        while deaths:
            with browser(chromium, profile) as context:
                is_up = True
                while deaths and is_up:
                    seconds, is_up = deaths[0][0], not deaths[0][1]
                    page = context.new_page()
                    farmer.comes_back(page, link)
                    timer = kill_in(seconds, profile, whole_browser=not is_up)
                    with pytest.raises(Error, match=r"closed|crash"):
                        farmer.live(page)
                    timer.join()
                    deaths.pop(0)
        with browser(chromium, profile) as context:
            page = context.new_page()
            counts = farmer.comes_back(page, link)
            arrives(page, 1 + len(counts))
    assert on_the_server(server) == sorted(counts)
    assert len(farmer.saved) > KILLS / 4, "hardly anything was saved between the kills: they prove little"
    print(
        f"{KILLS} kills, seed {SEED}: {len(farmer.saved)} counts seen saved, {len(counts)} on phone and server, once each"
    )
    stop(server)
