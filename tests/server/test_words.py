"""Numbers and days on the officers' pages: Latin digits in every language, and no day that can be misread."""

import re
from datetime import UTC, date, datetime

import pytest
from flask import Flask

from pestwatch import i18n
from server.dashboard import words


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_numbers_and_days_are_written_alike_in_every_language(locale: str) -> None:
    with Flask(__name__).test_request_context(headers={"Accept-Language": locale}):
        assert words.locale() == locale
        assert words.number(1234567.56) == "12,34,567.6"
        # The third of April: as 03/04 it could be the fourth of March.
        assert re.fullmatch(r"3 [^\d/]+", words.day(date(2026, 4, 3)))
        assert re.fullmatch(r"3 [^\d/]+ 2026", words.full_day(date(2026, 4, 3)))
        assert re.fullmatch(r"3 [^\d/]+, 20:35", words.moment(datetime(2026, 4, 3, 15, 5, tzinfo=UTC)))
