"""Frontrun, which interleaves real threads by bytecode and knows nothing of our steps, comes to the same verdicts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from rag.crosstalk import Lab
from rag.crosstalk.explore.explorer import certify, make_scene
from tests import PROJECT
from tests.needs import package

CASES = [
    ("lesson-deepcopy-session", "lost-update"),
    ("lesson-list-pair", "stale-prompt"),
    ("lesson-list-pair", "lost-update"),
    ("dict-with-lock", "stale-prompt"),
    ("dict-with-lock", "lost-update"),
    ("lesson-shared-late", "foreign-read"),
    ("lesson-list", "foreign-read"),
]


def test_an_independent_tool_agrees(tmp_path: Path, lab: Lab) -> None:
    package("frontrun")
    ours = [
        certify(name, make_scene(tabs=kind != "foreign-read"), lab).explored.kinds[kind] == 0 for name, kind in CASES
    ]
    assert ours == [False, False, True, True, True, False, True]
    program = [sys.executable, "-m", "frontrun.cli", sys.executable, "-m", "tests.crosstalk.explore.other_explorer"]
    done = subprocess.run(
        [*program, str(tmp_path)],
        input=json.dumps(CASES),
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ours
