"""What a reproduction is made of: the sources that found the fault, in one file that stands alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rag.audit.adapters import ADAPTERS
from rag.audit.adapters.langgraph_saver import LangGraphSaver
from rag.audit.checks import CHECKS
from rag.audit.kit.contract import Subject
from rag.audit.report.reproduction import gathered, name_of_test, reproduction
from rag.audit.results import Outcome
from tests import BARE_PYTEST

OURS = re.compile(r"^\s*(from|import)\s+(rag|crosswire)\b", re.MULTILINE)
HARM = '""" \\N \udc80 \x00 \u202e'
IN_MEMORY = ("rag.audit.targets.langgraph", "in_memory")


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.__name__)
def test_the_file_of_each_check_has_all_that_it_names_and_nothing_of_ours(
    adapter: type[Subject], tmp_path: Path
) -> None:
    for check in CHECKS.values():
        text = reproduction(check, Outcome(check.id, "fail", HARM), IN_MEMORY, adapter, "async", ["langgraph==1"])
        compile(text.encode(), check.id, "exec")
        assert not OURS.search(text)
        (tmp_path / f"{check.id}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_it_fails_where_the_fault_is_and_passes_where_it_is_not(tmp_path: Path) -> None:
    for name in ("whole.overlapping-turns", "apart.case"):
        outcome = Outcome(name, "fail", "a turn is gone")
        text = reproduction(CHECKS[name], outcome, IN_MEMORY, LangGraphSaver, "async", ["langgraph"])
        (tmp_path / f"{name_of_test(name)}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-I", "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(tmp_path)]
    environment = {**os.environ, **BARE_PYTEST}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert "1 failed, 1 passed" in ran.stdout, ran.stdout + ran.stderr
    assert "was acknowledged and is stored 0 times" in ran.stdout


def test_sources_that_cannot_share_one_file_or_are_not_there_are_told() -> None:
    with pytest.raises(ValueError, match=r"^_WHY is defined in rag\.\S+ and in rag\.\S+: rename one"):
        gathered([("rag.audit.checks.async_calls", "_WHY"), ("rag.audit.checks.whole_turns", "_WHY")])
    with pytest.raises(ModuleNotFoundError, match=r"rag\.audit\.no_such_module"):
        gathered([("rag.audit.no_such_module", "one")])
