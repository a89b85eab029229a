"""The pytest plugin, from the built wheel in a fresh environment, in small projects of strangers."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph.checkpoint.conformance import validate

from rag.audit.checks.registry import Check
from rag.audit.results import Outcome
from rag.audit.run import serve
from rag.errors import CrosswireError
from tests.audit import savers
from tests.installing import Place

STORES = (Path(__file__).parent / "stores.py").read_text(encoding="utf-8")
SAVERS = (Path(__file__).parent / "savers.py").read_text(encoding="utf-8")

TESTS = """
import crosswire
from my_stores import Dying, Folding, Session

right = crosswire.audit_test(name="right", only=["apart.case", "apart.colon"])(Session)

known = crosswire.audit_test(
    name="known", only=["apart.case", "apart.colon"], xfail={"apart.case": "by design"}, skip={"apart.colon": "not now"}
)(Folding)

mended = crosswire.audit_test(name="mended", only=["apart.case"], xfail={"apart.case": "was so once"})(Session)

dies = crosswire.audit_test(name="dies", only=["apart.case"])(Dying)


@crosswire.audit_test(name="folding", only=["apart.case"])
def folding(session_id, folder):
    return Folding(session_id, folder)


RegisteredCheckpointer = type("RegisteredCheckpointer", (), {"__module__": "langgraph.checkpoint.conformance"})
not_asked_for = RegisteredCheckpointer()


def test_of_their_own():
    import rag
    assert rag.MINE
"""


def results(said: str) -> dict[str, str]:
    """The name of each test -> what `pytest -v` says of it."""
    return dict(re.findall(r"^test_\w+\.py::(\S+) ([A-Z]+)", said, re.MULTILINE))


def test_a_stranger_gets_each_check_as_a_test_with_a_readable_failure(plain: Place) -> None:
    (plain.here / "rag.py").write_text("MINE = True\n")  # a name that others have as well
    (plain.here / "my_stores.py").write_text(STORES)
    (plain.here / "test_store.py").write_text(TESTS)
    (left := plain.here / "tmp").mkdir()
    plain = dataclasses.replace(plain, env={**plain.env, "TMPDIR": str(left)})
    status, said = plain.run("python", "-m", "pytest", "-v", "-rxs", "--strict-markers", "-p", "no:cacheprovider")
    assert results(said) == {
        "right::apart::case": "PASSED",
        "right::apart::colon": "PASSED",
        "known::apart::case": "XFAIL",
        "known::apart::colon": "SKIPPED",
        "mended::apart::case": "FAILED",
        "dies::apart::case": "FAILED",
        "folding::apart::case": "FAILED",
        "test_of_their_own": "PASSED",
    }, said
    assert status == 1
    assert list(left.iterdir()) == []
    assert "[XPASS(strict)] was so once" in said
    assert "apart.case: Ids that differ in case are two conversations.\nSeen: user 2 reads " in said
    assert re.search(r"^  user 1 adds to 'Alice-\w+' -> user: canary-1; assistant: reply to canary-1$", said, re.M)
    assert "by design" in said
    assert "This cannot be told, which is no pass." in said
    assert "The process died in it (exit status 7). It said last: <b>out of handles</b>\\x1b[2J" in said
    again = re.search(r"^Again, with a file that shows it: crosswire (.* --only apart.case) ", said, re.M)
    assert again

    reproductions = plain.here / "found"
    status, told = plain.run("crosswire", *again[1].split(), "--reproductions", str(reproductions))
    assert ("dies" in again[1], status) == (True, 2), told
    folding = again[1].replace(":dies", ":folding").split()
    assert plain.run("crosswire", *folding, "--reproductions", str(reproductions))[0] == 1
    alone = plain.run("python", "-m", "pytest", "-p", "no:crosswire", "-p", "no:cacheprovider", str(reproductions))
    assert "1 failed" in alone[1], alone[1]

    marked = plain.run("python", "-m", "pytest", "--co", "-q", "-m", "apart.colon and audit.apart", "test_store.py")
    assert "test_store.py::right::apart::colon\ntest_store.py::known::apart::colon" in marked[1]
    (plain.here / "test_wrong.py").write_text(
        "import crosswire\nfrom my_stores import Session\n"
        "mine = crosswire.audit_test(name='mine', xfail={'apart': 'a level'}, only='apart')(Session)\n"
        "gone = crosswire.audit_test(name='gone', only='apart.case')(lambda: 1)\n"
    )
    wrong = plain.run(
        "python", "-m", "pytest", "-p", "no:cacheprovider", "--continue-on-collection-errors", "test_wrong.py"
    )
    assert "mine: xfail names apart, which is no check." in wrong[1]
    assert "No interface is known for builtins.int" in wrong[1]


def test_the_plain_install_audits_and_checks_and_says_what_more_it_would_need(plain: Place, tmp_path: Path) -> None:
    place = plain.at(tmp_path)
    (tmp_path / "my_stores.py").write_text(STORES)
    started = {
        "audit": place.start("crosswire", "audit", "my_stores:Session", "--only", "apart.case", "--json", "-"),
        "page": place.start(
            *("crosswire", "audit", "my_stores:Folding", "--only", "apart.case"), "--html", "a.html", "--junit", "a.xml"
        ),
        "check": place.start("crosswire", "check", "log.jsonl", "--html", "c.html", "--junit", "c.xml"),
        "more": place.start("crosswire", "simulate", "--list"),
        "heavy": place.start("python", "-c", "import streamlit"),
        "import": place.start("python", "-c", "import crosswire; crosswire.check; crosswire.SessionStore"),
    }
    (tmp_path / "log.jsonl").write_text("")
    done = {name: (process.communicate(timeout=60), process.returncode) for name, process in started.items()}
    assert json.loads(done["audit"][0][0])["status"] == "pass"
    assert {name: status for name, (_, status) in done.items()} == {
        "audit": 0,
        "page": 1,
        "check": 2,
        "more": 2,
        "heavy": 1,
        "import": 1,
    }, done
    assert (tmp_path / "a.html").is_file()
    assert "unknown" in done["check"][0][0]
    assert done["more"][0][1].count("\n") == 1
    assert done["more"][0][1].endswith('pip install "crosswire[app]"\n')
    assert "crosswire.SessionStore needs more than the plain install" in done["import"][0][1]


UNCONCERNED = [f"-pno:{name}" for name in ("schemathesis", "langsmith_plugin", "frontrun", "valkey", "anyio")]
"""Plugins that are here for other tests, as in pyproject.toml: together they take a second to load."""


def test_a_fixture_for_the_savers_own_suite_serves_unchanged_and_convicts_what_that_calls_full(
    place: Place, tmp_path: Path
) -> None:
    for registered in (savers.on_self, savers.folding):
        report = asyncio.run(validate(registered))
        assert (report.conformance_level(), report.passed_all()) == ("FULL", True)
    (tmp_path / "test_savers.py").write_text(SAVERS)
    command = [
        "python",
        "-m",
        "pytest",
        "-v",
        "-rs",
        "-p",
        "no:cacheprovider",
        *UNCONCERNED,
        "-m",
        "apart.case or apart.shared-read or apart.listing",
    ]
    status, said = place.at(tmp_path).run(*command, "--audit-checkpointers")
    assert results(said) == {
        "on_self::apart::listing": "PASSED",
        "on_self::apart::case": "PASSED",
        "on_self::apart::shared-read": "FAILED",
        "folding::apart::listing": "SKIPPED",
        "folding::apart::case": "FAILED",
        "folding::apart::shared-read": "PASSED",
    }, said
    assert status == 1
    assert "its skip_capabilities names list" in said
    assert re.search(r"^Seen: while alice was held at await \d+, alice reads .*bob-secret", said, re.M)


def test_what_the_audited_process_says_is_one_object_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = threading.Event()

    def audit(
        target: str, checks: list[Check], *, limit: float | None, stop: threading.Event | None
    ) -> Iterator[Outcome]:
        assert (target, limit, stop) == ("shop:store", 2.5, given)
        yield from (Outcome(check.id, "fail", "\x1b[2J") for check in checks)
        raise CrosswireError("shop:store cannot be opened: \x1b")

    monkeypatch.setattr(serve, "audit", audit)
    serve.main(["shop:store", "2.5", "apart.case"], given)
    outcome, error = map(json.loads, capsys.readouterr().out.splitlines())
    assert (outcome["id"], outcome["status"], outcome["told"][1]) == ("apart.case", "fail", "Seen: \\x1b[2J")
    assert error == {"error": "shop:store cannot be opened: \\x1b"}

    monkeypatch.setattr(serve, "audit", lambda target, checks, *, limit, stop: iter(()))
    serve.main(["shop:store", "", "apart.case"])
    assert capsys.readouterr().out == ""
