"""What is known of a kind of anomaly, and of a strategy, is in one place: its record, its file."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from rag.crosstalk import STRATEGIES, Lab, explore, simulate, strategies
from rag.crosstalk.checker.anomalies import DEFINITIONS, LEAKS, breaking, in_group
from rag.crosstalk.explore.outcomes import GROUPS
from rag.crosstalk.run.workload import Workload
from rag.ui.palette import OUTCOMES
from tests import PROJECT
from tests.commands.running import caller, environment

OF_OTHERS = {"rag/inspector", "rag/sessions"}
"""What is stored may be `corrupt` or a `duplicate` as well; these are no kinds of the checker's."""


def test_a_kind_is_spelt_in_its_record_alone() -> None:
    found = []
    for path in [*(PROJECT / "rag").rglob("*.py"), *(PROJECT / "pages").rglob("*.py")]:
        name = path.relative_to(PROJECT).as_posix()
        if name == "rag/crosstalk/checker/anomalies.py" or "/".join(name.split("/")[:2]) in OF_OTHERS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and node.value in DEFINITIONS:
                found.append(f"{name}:{node.lineno}: {node.value}")
    assert found == []


def test_every_kind_is_explained_grouped_and_coloured() -> None:
    for kind, one in DEFINITIONS.items():
        assert one.kind == kind
        assert all(text.endswith(".") for text in (one.text, one.cause, one.remedy, one.sentence))
        assert one.group in OUTCOMES
    groups = {group.name: group.kinds for group in GROUPS}
    assert set().union(*groups.values()) - {"deadlock", "livelock"} == set(DEFINITIONS)
    assert LEAKS == breaking("isolation") == in_group("leak", "misplaced")


NEW = '''"""Remembers nothing but the last question, whoever asked it."""

from rag.crosstalk.checker.anomalies import FOREIGN_READ, FOREIGN_WRITE, KEY_COLLISION, kinds
from rag.crosstalk.strategies.base import Asked, Shared, Steps, pair, question


class Planted(Shared):
    name = "planted"
    lesson = "One list for everyone."
    wrong = "It is everyone's."
    seen = ("this test",)
    fix = "A list for each."
    expects = kinds(FOREIGN_READ, FOREIGN_WRITE, KEY_COLLISION)

    def turn(self, asked: Asked) -> Steps:
        yield "load and ask"
        answer = asked.ask([*self.messages, question(asked)])
        yield "save turn"
        self.messages.extend(pair(asked, answer))  # the bug
        return answer
'''


def test_a_new_strategy_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lab: Lab
) -> None:
    (tmp_path / "planted.py").write_text(NEW)
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(tmp_path)])
    found = {kind.name: kind for kind in strategies.discovered()}
    assert set(found) == {*STRATEGIES, *strategies.LESSONS, "planted"}
    assert list(found)[-1] == "planted"
    monkeypatch.setitem(STRATEGIES, "planted", found["planted"])
    assert explore("planted", turns=2, lab=lab).explored.wrong == 70
    report = simulate("planted", Workload(users=6), lab=lab).report
    assert report.counts.keys() >= found["planted"].expects
    assert len(strategies.guilty_lines("planted")) == 1
    call = caller(monkeypatch, capsys)
    done = call("explore", "--strategy", "planted", "--turns", "2", "--json", "-", env=environment(tmp_path / "state"))
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["strategy"] == "planted"
