"""What `python -m tests.audit.rounds` writes down, and the page that is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit.planted.core import Core
from tests.audit.planted.faces import session
from tests.audit.rounds import __main__ as rounds
from tests.audit.rounds.cases import PARTS, Case
from tests.audit.rounds.page import page


def test_a_line_a_round_says_what_came_out_as_it_should_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Folding(Core):
        def key(self, session: str) -> str:
            return session.lower()

    make = session(Folding)
    cases = [
        Case("session", "Folding", make, ("apart.case",), fault="apart.case"),
        Case("session", "Folding", make, ("apart.comma",), fault="apart.comma"),
        Case("session", "Folding", make, ("apart.case", "apart.comma", "apart.listing"), share=0),
        Case("session", "Folding", make, ("apart.case",), share=0, also=frozenset({"apart.case"})),
        Case("session", "Folding", make, ("apart.listing",), fault="apart.listing"),
    ]
    monkeypatch.setitem(PARTS, "some:faults", lambda: iter(cases))
    file = tmp_path / "rounds.jsonl"
    assert rounds.main(["some", "-n", "2", "--file", str(file)]) == 1
    records = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [(each["fault"], each["round"], each["checks"], [*each["wrong"]], each["also"]) for each in records] == [
        ("apart.case", 1, 1, [], []),
        ("apart.case", 2, 1, [], []),
        ("apart.comma", 1, 1, ["apart.comma"], []),
        ("apart.comma", 2, 1, ["apart.comma"], []),
        ("", 1, 2, ["apart.case"], []),
        ("", 1, 1, [], ["apart.case"]),
    ]
    text = page(records)
    assert "| `apart.case` | 2/2 |" in text
    assert "| `apart.comma` | 0/2 |" in text
    assert "| Folding, session | 2 | 1 | 1 | 0 |" in text
    assert "- `apart.comma` at Folding, session (the fault of `apart.comma`), round 2: pass" in text
    with pytest.raises(SystemExit):
        rounds.main(["nothing"])
