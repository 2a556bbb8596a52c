"""A whole season of one trap, and a lead farmer's twelve, in a real Chromium: facts are laid into the phone as its outbox does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests import factories
from tests.field.conftest import tap

PUT_FACTS = """async (facts) => {
  const db = await new Promise((done) => {
    const asked = indexedDB.open('pestwatch');
    asked.onsuccess = () => done(asked.result);
  });
  const tx = db.transaction(['facts', 'deliveries', 'settings'], 'readwrite');
  for (const fact of facts) {
    tx.objectStore('facts').add(fact);
    tx.objectStore('deliveries').add({ seq: fact.seq, status: 'waiting', problem: null, answered_at: null });
  }
  tx.objectStore('settings').put(facts.at(-1).seq, 'last_seq');
  await new Promise((done) => { tx.oncomplete = done; });
  db.close();
}"""


def days_ago(days: float, now: datetime | None = None) -> datetime:
    return (now or datetime.now(UTC)) - timedelta(days=days)


def season(trap: str = "t1") -> list[dict[str, Any]]:
    """Six weeks of one trap: model counts with their intervals, a gap, a recount, and a late one."""
    facts = [factories.trap_fact(1, at=days_ago(45), trap=trap, lure_changed_on="2026-11-01")]
    counts = [(40, 6), (36, 9), (33, 14), (30, 21), (14, 40), (10, 35), (6, 52), (2, 33)]
    for seq, (days, count) in enumerate(counts, start=2):
        body = {"counts": {"HELIAR": count}, "intervals": {"HELIAR": [count // 2, count * 2]}, "nights": 3.0}
        facts.append(factories.observation_fact(seq, at=days_ago(days), trap=trap, **body))
    late = {"taken_at": factories.instant(days_ago(8)), "source": "hand", "counts": {"HELIAR": 30}, "gate": None}
    facts.append(factories.observation_fact(10, at=days_ago(1), trap=trap, **late))
    facts.append(factories.correction_fact(11, observation=5, at=days_ago(1), counts={"HELIAR": 25}))
    return facts


def test_my_season_shows_doubt_gaps_recounts_and_late_entries_at_320_pixels_offline(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.evaluate(PUT_FACTS, season())
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.reload()
    tap(page, "open-trap")
    page.context.set_offline(True)
    page.reload()
    figure = page.get_by_test_id("season-line")
    expect(figure.locator("svg polyline")).to_have_count(2)
    expect(figure.locator("svg > .whisker")).to_have_count(7 + 1)
    for legend in ("dash", "whisker", "gap", "person", "late"):
        expect(page.get_by_test_id(f"legend-{legend}")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def twelve_traps() -> list[dict[str, Any]]:
    facts = [
        factories.trap_fact(
            n,
            at=days_ago(9),
            trap=f"t{n}",
            name=f"Trap {n}",
            village=["Wadgaon", "Arni", None][n % 3],
            emptied_at=factories.instant(days_ago(9)),
            lure_changed_on=days_ago(9).strftime("%Y-%m-%d"),
        )
        for n in range(1, 13)
    ]
    counts = {3: (90, 1), 5: (1, 1), 8: (2, 6)}
    for seq, (trap, (count, days)) in enumerate(counts.items(), start=13):
        body = {"trap": f"t{trap}", "counts": {"HELIAR": count}, "nights": 3.0, "source": "hand", "gate": None}
        facts.append(factories.observation_fact(seq, at=days_ago(days), **body))
    return facts


def test_twelve_traps_are_a_list_by_village_with_one_button_each_and_two_taps_a_count(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    page.evaluate(PUT_FACTS, twelve_traps())
    page.reload()
    cards = page.get_by_test_id("trap-card")
    expect(cards).to_have_count(12)
    expect(page.get_by_test_id("village")).to_have_count(3)
    first = cards.first
    expect(first).to_have_attribute("data-trap", "t3")
    expect(first.get_by_test_id("trap-level")).to_contain_text("Inspect today")
    heights = page.eval_on_selector_all("article.trap", "(cards) => cards.map((card) => card.offsetHeight)")
    assert max(heights) < 150, heights
    expect(first.get_by_test_id("photo-gallery")).to_have_count(0)
    golden = Path(__file__).parents[1] / "golden" / "photos" / "funnel.png"
    first.get_by_test_id("photo-camera").set_input_files(golden)
    tap(page, "save-count")
    expect(page.get_by_test_id("advice")).to_be_visible()


def test_four_traps_keep_their_large_buttons(page: Page) -> None:
    page.evaluate(PUT_FACTS, twelve_traps()[:4])
    page.reload()
    expect(page.get_by_test_id("trap-card")).to_have_count(4)
    expect(page.get_by_test_id("photo-gallery")).to_have_count(4)
    expect(page.get_by_test_id("village")).to_have_count(0)
