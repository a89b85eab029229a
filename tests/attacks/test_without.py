"""Each defence that can be taken out is in the program as it is; and a test that notices nothing is told."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import PROJECT
from tests.attacks.without.mend import mend
from tests.attacks.without.mends import MENDS
from tests.attacks.without.page import holds, lines, row
from tests.attacks.without.trial import Copy


def test_every_defence_is_in_its_file_and_every_test_is_there() -> None:
    for one in MENDS:
        assert one.tests, one.attack
        for edit in one.edits:
            assert edit.line != edit.without, one.attack
            ast.parse(edit.changed())
        for test in one.tests:
            path, _, name = test.partition("::")
            assert f"def {name}(" in (PROJECT / path).read_text(encoding="utf-8"), test
    assert len({one.attack for one in MENDS}) == len(MENDS)


def test_the_page_has_a_line_for_each_of_them_all_red() -> None:
    expected = [row(one, dict.fromkeys(one.tests, "failed")) for one in MENDS]
    assert [line for line in expected if line not in lines()] == []
    assert lines() == expected


def test_a_test_that_proves_nothing_is_told_from_one_that_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # which this project's settings do, and these have none
    (tmp_path / "door.py").write_text("def opens(key):\n    return key == 'right'\n")
    (tmp_path / "test_door.py").write_text(
        "import pytest, door\n"
        "@pytest.mark.parametrize('key', ['wrong', 'right'])\n"
        "def test_guards(key): assert door.opens(key) == (key == 'right')\n"
        "def test_asks_nothing(): assert door.opens('right')\n"
        "@pytest.fixture\ndef gone(): assert not door.opens('wrong')\n"
        "def test_never_begins(gone): pass\n"
    )
    tests = [f"test_door.py::{name}" for name in ("test_guards", "test_asks_nothing", "test_never_begins")]
    tried, taken = Copy(tmp_path), mend("a wrong key", "door.py", "key == 'right'", "True", *tests)
    assert set(tried.outcomes(tests).values()) == {"passed"}
    with tried.without(taken):
        found = tried.outcomes(tests)
    assert list(found.values()) == ["failed", "passed", "broken"]
    assert (holds(found), holds({tests[0]: "failed"})) == (False, True)
    assert set(tried.outcomes(tests).values()) == {"passed"}
    with pytest.raises(ValueError, match="0 times"), tried.without(mend("x", "door.py", "no such", "", *tests)):
        pass
