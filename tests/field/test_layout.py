"""Every screen fits: nothing overflows or is cut off, every target can be touched with a glove, nothing is left in English.

At 320 pixels with text of twice the size, and at the 360 of a common phone. PESTWATCH_ALL_LANGUAGES=1 walks through all.
What was seen is kept in build/screens, for people to look at.
"""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from pestwatch import i18n
from tests.conftest import Chromium
from tests.field.conftest import AppServer, browser, camera_that_sees
from tests.field.walk import GOLDEN_PHOTOS, Walker, walk, walk_on

TOUCH_PX = 48
# English, and the languages with the longest words of each kind of script.
USUAL = ("en", "ta", "te", "bn")
LANGUAGES = tuple(i18n.LOCALES) if os.environ.get("PESTWATCH_ALL_LANGUAGES") else USUAL
CASES = [(locale, 320, True) for locale in LANGUAGES] + [(locale, 360, False) for locale in ("hi", "te", "ta")]
PICTURES = Path(__file__).parents[2] / "build" / "screens"

FAULTS = """([touch, doubled]) => {
  // The app's own size is 106.25 %: this is exactly twice as large.
  if (doubled) document.documentElement.style.fontSize = '212.5%';
  const words = (element) => [element.tagName, element.className, element.dataset.testid, element.innerText.slice(0, 60)].join(' ');
  const seen = [...document.querySelectorAll('#app *')].filter((element) => element.offsetParent);
  const targets = seen.filter((element) =>
    element.matches('button, a, select, summary, label.tile, label.chip, input[type=text]'));
  // A text is cut when a line of it leaves a box that it stands in, or when a box hides what is too high for it.
  const isCut = (text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    const lines = [...range.getClientRects()];
    for (let box = text.parentElement; box.id !== 'app'; box = box.parentElement) {
      const { display, position, overflowY } = getComputedStyle(box);
      if (display === 'inline') continue;
      if (overflowY === 'hidden' && box.scrollHeight > box.clientHeight + 1) return true;
      const { left, right } = box.getBoundingClientRect();
      if (lines.some((line) => line.left < left - 1 || line.right > right + 1)) return true;
      if (position === 'absolute') return false;
    }
    return false;
  };
  // Words that are there for who listens alone are clipped away.
  const isShown = (element) =>
    !element.closest('svg, canvas, .unseen, select') && getComputedStyle(element).clipPath === 'none';
  const texts = seen.filter(isShown).flatMap((element) =>
    [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));
  const small = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return height < touch - 0.5 || width < touch - 0.5;
  };
  const found = {
    wide: document.documentElement.scrollWidth > innerWidth
      ? seen.filter((element) => element.getBoundingClientRect().right > innerWidth + 1) : [],
    cut: texts.filter(isCut).map((text) => text.parentElement),
    small: targets.filter(small),
  };
  const faults = Object.entries(found).flatMap(([kind, elements]) => elements.map((element) => `${kind}: ${words(element)}`));
  const english = [...document.querySelectorAll('.tag-en')].map((tag) => `english: ${tag.parentElement.innerText}`);
  return [...faults, ...english];
}"""


@pytest.mark.parametrize(
    ("locale", "width_px", "is_doubled"),
    CASES,
    ids=[f"{locale}-{width_px}{'-doubled' if is_doubled else ''}" for locale, width_px, is_doubled in CASES],
)
def test_every_screen_fits_and_can_be_touched_and_read(
    chromium: Chromium,
    server: AppServer,
    tmp_path_factory: pytest.TempPathFactory,
    locale: str,
    width_px: int,
    is_doubled: bool,
) -> None:
    faults_of = looking(f"{locale}-{width_px}", is_doubled)
    with browser(chromium, tmp_path_factory.mktemp("phone")) as context:
        assert walk(Walker(context, server.app_url, locale, width_px, faults_of)) == {}


def looking(pictures: str, is_doubled: bool) -> Callable[[Page], list[str]]:
    """Looks at a page, and keeps a picture of it in that folder."""
    folder = PICTURES / f"{pictures}{'-doubled' if is_doubled else ''}"
    seen = itertools.count(1)

    def faults_of(page: Page) -> list[str]:
        found: list[str] = page.evaluate(FAULTS, [TOUCH_PX, is_doubled])
        screen = page.locator("main").get_attribute("data-testid")
        page.screenshot(path=folder / f"{next(seen):02}-{screen}.png", full_page=True)
        return found

    return faults_of


def test_the_camera_a_good_count_and_the_next_trap_fit_where_words_are_longest(
    chromium: Chromium, server: AppServer, tmp_path: Path
) -> None:
    flags = camera_that_sees(GOLDEN_PHOTOS / "large.jpg", tmp_path)
    with browser(chromium, tmp_path / "phone", *flags) as context:
        faults_of = looking("te-320-round", is_doubled=True)
        assert walk_on(Walker(context, server.app_url, "te", 320, faults_of)) == {}
