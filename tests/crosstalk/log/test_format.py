"""The page that describes the format: its example runs, and it names every event and every key."""

from __future__ import annotations

import re
from dataclasses import fields

from rag.crosstalk.checker.check import check
from rag.crosstalk.log.events import FORMAT, KINDS, read
from rag.resources import LOG_FORMAT
from tests import PROJECT

PAGE = LOG_FORMAT.read_text(encoding="utf-8")
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_the_example_is_a_log_of_two_users_apart() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    report = check(list(read(example.splitlines())))
    assert (report.verdict, report.users, report.answered) == ("isolated", 2, 3)


def test_every_event_and_key_is_there() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert {
        name for kind in KINDS.values() for name in (kind.__name__.lower(), *(one.name for one in fields(kind)))
    } <= named


def test_the_readme_names_plants_and_the_page() -> None:
    assert all(word in README for word in ("`plants`", "`expects`", f"]({FORMAT})"))
    assert (PROJECT / FORMAT).read_text(encoding="utf-8") == PAGE
