"""docs/development.md: the files that it names are there; and a file of tests stays whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
GUIDE = PROJECT / "docs" / "development.md"
PATH = re.compile(r"`((?:rag|crosswire|pages|tests|docs|data|examples)/[\w./]*)`")


def test_every_file_that_the_guide_names_exists() -> None:
    named = PATH.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(named) > 25
    assert [path for path in named if not (PROJECT / path).exists()] == []


def test_every_file_that_a_promise_stands_on_exists() -> None:
    named = PATH.findall((PROJECT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    assert [path for path in named if not (PROJECT / path).exists()] == []


def test_it_answers_for_ten_changes_at_least() -> None:
    table = GUIDE.read_text(encoding="utf-8").partition("| change |")[2].partition("\n\n")[0]
    rows = [row for row in table.splitlines()[2:] if row.startswith("|")]
    assert len(rows) >= 10
    assert all(PATH.search(row.split("|")[2]) for row in rows)


_RAN: list[int] = []


@pytest.mark.parametrize("number", range(4))
def test_the_tests_of_a_file_run_in_one_process(number: int, request: pytest.FixtureRequest) -> None:
    """Else each process starts what a module needs once more. Says nothing where only some of these are chosen."""
    _RAN.append(number)
    chosen = [item for item in request.session.items if item.location[2].startswith(request.function.__name__)]
    if len(chosen) == 4 and number == 3:
        assert _RAN == [0, 1, 2, 3]
