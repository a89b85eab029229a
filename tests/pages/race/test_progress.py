"""What the race lab remembers of a session: its own goals, also when two tabs reach some at once, and not for ever."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from rag.crosstalk.strategies import LESSONS
from rag.ui.race.progress import keep, kept
from rag.ui.race.scene.code_listing import FOLD, listing


def test_a_session_finds_its_own_goals_and_nobody_elses(tmp_path: Path) -> None:
    keep(tmp_path, "ada", "scheduler-leak", 3600)
    keep(tmp_path, "ada", "scheduler", 3600)
    keep(tmp_path, "ben", "incident", 3600)
    assert kept(tmp_path, "ada") == {"scheduler-leak", "scheduler"}
    assert kept(tmp_path, "ben") == {"incident"}
    assert kept(tmp_path, "eve") == frozenset()
    assert not [path for path in tmp_path.rglob("*") if "ada" in path.name]


def test_what_a_session_left_long_ago_goes(tmp_path: Path) -> None:
    keep(tmp_path, "ada", "incident", 3600)
    (file,) = tmp_path.iterdir()
    os.utime(file, (1, 1))
    keep(tmp_path, "ben", "incident", 3600)
    assert kept(tmp_path, "ada") == frozenset()
    assert kept(tmp_path, "ben") == {"incident"}


def test_where_nothing_can_be_kept_the_lesson_goes_on(tmp_path: Path) -> None:
    (tmp_path / "race").write_text("a file")
    keep(tmp_path / "race", "ada", "incident", 3600)
    assert kept(tmp_path / "race", "ada") == frozenset()


def test_folded_code_is_the_same_code_in_pieces() -> None:
    for name in LESSONS:
        lines = listing(name)
        assert ast.parse("def turn():\n" + "\n".join(f"    {line.text}" for line in lines)), name
        assert all("".join(words for _, words in line.pieces) == line.text for line in lines)
        if name not in ("lesson-list-checked", "lesson-list-question-first"):  # which no chapter shows
            assert max(len(line.text) for line in lines) <= FOLD, name
    kinds = {kind for line in listing("lesson-shared") for kind, _ in line.pieces}
    assert kinds == {"", "keyword", "text"}
