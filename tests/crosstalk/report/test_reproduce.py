"""An exported counterexample is a test that fails with the words it came with, and passes once that is right.

That of a log from elsewhere says that it never will.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rag.crosstalk import Lab, Workload, check, simulate
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.explore.explorer import explore_strategy, make_scene, make_stage, replay
from rag.crosstalk.explore.stepping import played
from rag.crosstalk.report.explain import minimal
from rag.crosstalk.report.reproduce import file_name, of_log, of_run, of_schedule, of_target
from rag.crosstalk.targets import open_target
from tests import BARE_PYTEST, PROJECT

CASES = (
    ("lesson-shared", False, None),
    ("lesson-deepcopy", False, None),
    ("redis-list", True, None),
    ("dict-with-lock", False, "AAAABBBB"),
)


def run(*files: Path) -> subprocess.CompletedProcess[str]:
    """One process for all files: loading pytest and the strategies takes most of the time."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", *map(str, files)]
    environment = {**os.environ, **BARE_PYTEST, "PYTHONPATH": str(PROJECT)}
    return subprocess.run(command, cwd=files[0].parent, capture_output=True, text=True, timeout=120, env=environment)


def test_each_exported_file_fails_as_it_says(tmp_path: Path, lab: Lab) -> None:
    files, told = [], []
    for name, tabs, given in CASES:
        simplest = explore_strategy(name, tabs=tabs, turns=1, lab=lab).simplest
        schedule = given or (simplest.schedule if simplest else "")
        outcome = replay(name, schedule, tabs=tabs, lab=lab)
        files.append(tmp_path / file_name(name, schedule))
        files[-1].write_text(of_schedule(name, make_scene(tabs=tabs), schedule, outcome))
        if outcome.wrong:
            told.append(outcome.told)
    source = exported_log(lab)
    files.append(tmp_path / "test_log.py")
    files[-1].write_text(source)
    told.append(" ".join(source.split('"""')[1].split("\n\n")[0].split()))
    assert "Ada's “12 Willow Lane”" in told[-1]
    done = run(*files)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "4 failed, 1 passed" in done.stdout
    for text in told:
        assert f"AssertionError: {text}" in done.stdout


def exported_log(lab: Lab) -> str:
    scene = make_scene(turns=2)
    events = played(make_stage("shared-buffer", scene, lab), "AAAABBBBAAAABBBB").events(scene)
    anomaly = next(one for one in check(events).anomalies if one.surface == "answer")
    return of_log(minimal(events, anomaly), anomaly, "shared-buffer, 2 users")


SOME = Workload(users=12, turns=3, latency="0.005", arrival="ramp:0.1", seed=3)
TARGET = """
import time

HEARD = {}


def shared(session_id, text):
    return said("everybody", text)


def apart(session_id, text):
    return said(session_id, text)


def said(key, text):
    time.sleep(0.002)
    heard = HEARD.setdefault(key, [])
    heard.append(text)
    return " ".join(heard[-9:])
"""


def test_the_test_of_a_run_fails_until_the_memory_or_the_target_is_right(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chat_of_somebody.py").write_text(TARGET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    first = simulate("shared-buffer", SOME, lab=lab).report.anomalies[0]
    bug = of_run("shared-buffer", SOME, first)
    assert "python -m rag simulate --strategy shared-buffer --users 12" in bug
    target = "chat_of_somebody:shared"
    leak = simulate(open_target(target), SOME).report.anomalies[0]
    theirs = of_target(target, None, SOME, leak)
    sources = {
        "bug": bug,
        "right": bug.replace("'shared-buffer'", "'redis-turn'"),
        "theirs": theirs,
        "mended": theirs.replace(f"TARGET = '{target}'", "TARGET = 'chat_of_somebody:apart'"),
    }
    for name, source in sources.items():
        names: dict[str, Any] = {}
        exec(compile(source, f"test_{name}.py", "exec"), names)
        (test,) = (value for key, value in names.items() if key.startswith("test_"))
        given = [tmp_path] * test.__code__.co_argcount
        if name in ("right", "mended"):
            test(*given)
        else:
            with pytest.raises(AssertionError, match="'s turn "):
                test(*given)


def test_a_described_endpoint_is_described_in_its_test_too(lab: Lab) -> None:
    first = simulate("shared-buffer", SOME, lab=lab).report.anomalies[0]
    described = 'json: {message: "{text}"}\nheaders: {a: "${TOKEN}"}\n'
    source = of_target("http://chat.example/ask", described, SOME, first)
    names: dict[str, object] = {}
    exec(compile(source, "exported", "exec"), names)
    assert (names["SPEC"], names["TARGET"], names["WORKLOAD"]) == (described, "http://chat.example/ask", SOME)


def test_the_test_of_a_log_from_elsewhere_says_what_it_is(lab: Lab) -> None:
    assert "this test fails for as long as LOG is in it" in " ".join(exported_log(lab).split())


@pytest.mark.parametrize("text", ['"""', "\\", "\\N{x}", "'''", "end'", 'a "quoted" \u2028 word'])
def test_what_users_wrote_cannot_break_the_file(text: str, lab: Lab) -> None:
    from dataclasses import replace

    from rag.crosstalk.log.events import Invoke

    scene = make_scene()
    events = played(make_stage("shared-buffer", scene, lab), "AAAABBBB").events(scene)
    anomaly = replace(check(events).anomalies[0], explanation=text)
    odd = [replace(one, text=text) if isinstance(one, Invoke) else one for one in events]
    source = of_log(odd, anomaly, text)
    names: dict[str, object] = {}
    exec(compile(source, "exported", "exec"), names)
    log = names["LOG"]
    assert isinstance(log, tuple)
    assert len(log) == len(odd)


def test_an_exported_test_runs_where_only_the_package_is(tmp_path: Path) -> None:
    """In another folder, with nothing of the project's tests or pages in reach."""
    packages, here = tmp_path / "packages", tmp_path / "elsewhere"
    packages.mkdir()
    here.mkdir()
    for name in ("rag", "crosswire"):
        (packages / name).symlink_to(PROJECT / name)
    strategy = of_run("stateless", Workload(users=5, turns=2, latency="0"), LEAK)
    assert "needs the installed package crosswire" in strategy
    assert "from rag" not in strategy
    (here / "test_it.py").write_text(strategy)
    environment = {**os.environ, **BARE_PYTEST, "PYTHONPATH": str(packages), "PYTHONSAFEPATH": "1"}
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(pytest_command, cwd=here, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


LEAK = Anomaly("foreign-read", "critical", 2, "ben", "Ada", "answer", "", "Ben got Ada's address.", 1.0)
