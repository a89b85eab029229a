"""`crosswire audit`: what it says, writes and ends with."""

from __future__ import annotations

import json
import os
import sys
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

import crosswire
from rag.audit.checks import CHECKS, LEVELS
from rag.audit.checks.registry import check
from rag.audit.report.files import as_html, as_junit, explained
from rag.audit.results import Audit, Outcome
from rag.audit.run.loading import factory_of, split
from rag.audit.run.session import audit, selected
from rag.audit.targets import NAMED
from rag.errors import CrosswireError
from tests.commands.running import Call, Run, caller

STORES = "tests.audit.stores"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    call = caller(monkeypatch, capsys)

    def with_columns(*arguments: str) -> Run:
        return call("audit", *arguments, env={**os.environ, "COLUMNS": "80"})

    return with_columns


def test_a_right_store_passes_and_its_json_is_the_whole_of_it(run: Call) -> None:
    done = run(f"{STORES}:Session", "--only", "apart.colon", "--only", "apart.case", "--json", "-")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [each["id"] for each in said["outcomes"]] == ["apart.case", "apart.colon"]  # in the order of the report
    assert {check.level for check in selected(["apart"])} == {"apart"}
    assert {key: said[key] for key in ("schema", "target", "interface", "partial", "status")} == {
        "schema": 1,
        "target": f"{STORES}:Session",
        "interface": "OpenAI Agents SDK Session",
        "partial": False,
        "status": "pass",
    }
    assert json.loads(json.dumps(Audit.from_dict(said).to_dict())) == said
    assert "pass: " in done.stderr  # the table, as the JSON has standard output
    assert "2/2 apart.colon: pass" in done.stderr


def test_a_failure_ends_with_1_and_is_written_in_each_form(run: Call, tmp_path: Path) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "html")}
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    options += ["--only", "apart.case", "--only", "apart.colon", "--reproductions", str(tmp_path / "repro")]
    done = run(f"{STORES}:Folding", *options)
    assert done.returncode == 1, done.stderr
    assert "fail           apart.case" in done.stdout
    assert "Ids that differ in case are two conversations." in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    seen = next(each for each in json.loads(files["json"].read_text())["outcomes"] if each["id"] == "apart.case")
    assert seen["status"] == "fail"
    assert any(who == "user 2" and did.startswith("reads ") for who, did, _ in seen["replay"])
    assert (tmp_path / "repro" / "test_apart_case.py").read_text() == seen["reproduction"]
    assert "from tests.audit.stores import Folding" in seen["reproduction"]
    assert _cases(ET.parse(files["junit"]).getroot()) == {"apart.case": ["failure"], "apart.colon": []}
    page = BeautifulSoup(files["html"].read_text(), "lxml")
    assert seen["evidence"] in page.get_text()
    assert [pre.get_text() for pre in page.find_all("pre")] == [seen["reproduction"]]


def _cases(junit: ET.Element) -> dict[str | None, list[str]]:
    """Each test case with what is in it."""
    return {case.get("name"): [child.tag for child in case] for case in junit.iter("testcase")}


def test_what_dies_or_hangs_is_unknown_with_its_last_words_and_the_rest_is_tried(run: Call) -> None:
    done = run(f"{STORES}:Dying", "--only", "apart.case", "--only", "apart.colon")
    assert done.returncode == 2
    assert "unknown        apart.colon" in done.stdout
    told = " ".join(done.stdout.split())
    assert "The process died in it (exit status 7). It said last: <b>out of handles</b>\\x1b[2J" in told
    assert "\x1b" not in done.stdout
    late = run(f"{STORES}:Hanging", "--only", "apart.case", "--timeout", "0.5")
    assert late.returncode == 2
    assert "It took longer than 0.5 s" in " ".join(late.stdout.split())


def test_ctrl_c_keeps_what_it_has_and_says_that_it_is_partial(run: Call) -> None:
    done = run(f"{STORES}:Interrupting", "--only", "apart.case", "--only", "apart.colon")
    assert done.returncode == 2
    assert "It is partial: 2 were not tried." in " ".join(done.stdout.split())
    stop = threading.Event()
    running = audit(f"{STORES}:Folding", selected(["apart.case", "apart.colon"]), stop=stop)
    for outcome in running:
        assert (outcome.id, running.running) == ("apart.case", "apart.case")
        stop.set()
    assert [each.status for each in running.result.outcomes] == ["fail"]
    assert running.result.left == ["apart.colon"]
    assert running.result.status == "fail"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "'nowhere' names no target"),
        (["no.such.module:store"], "No module named 'no'"),
        ([f"{STORES}:missing"], "has no 'missing'"),
        ([f"{STORES}:KEPT"], "is a dict, not a factory"),
        (["missing.py:store"], "There is no file missing.py"),
        ([f"{STORES}:nothing_known"], "No interface is known for builtins.object"),
        ([f"{STORES}:leaves"], "SystemExit: this is no time to import me"),
        ([f"{STORES}:Session", "--only", "apart.kase"], "'apart.kase' is neither a level nor a check"),
        ([f"{STORES}:Session", "--junit", "-"], "--junit does not write to standard output"),
        ([f"{STORES}:Session", "--reproductions", "README.md"], "it is a file"),
        ([], "Name a target"),
    ],
)
def test_bad_usage_is_one_line_and_2(run: Call, arguments: list[str], told: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_factory_in_a_file_is_found_and_crosswire_audit_is_the_same_in_python(tmp_path: Path) -> None:
    text = (Path(__file__).parent / "stores.py").read_text()
    (tmp_path / "my_store.py").write_text(text.replace("tests.audit.stores", "my_store"))
    result = crosswire.audit(f"{tmp_path}/my_store.py:Folding", only=["apart.case"])
    assert [each.status for each in result.outcomes] == ["fail"]
    assert "from my_store import Folding" in result.outcomes[0].reproduction
    (tmp_path / "endless.py").write_text("import crosswire\ncrosswire.audit('endless.py:make')\n")
    with pytest.raises(CrosswireError, match="audits when it is imported"):
        crosswire.audit(f"{tmp_path}/endless.py:make", only=["apart.case"])
    with pytest.raises(CrosswireError, match="neither a level nor a check"):
        crosswire.audit(f"{STORES}:Session", only=["nothing"])


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("nowhere", "'nowhere' names no target"),
        ("shop:two words", "'shop:two words' names no target"),
        ("missing.py:store", "There is no file missing.py"),
        ("no.such.module:store", "No module named 'no'"),
        ("audited_shop.kept:Made.other", "audited_shop.kept has no 'other'"),
        ("audited_shop.kept:NAMES", "is a tuple, not a factory"),
    ],
)
def test_what_is_no_factory_is_one_line(shop: Path, spec: str, told: str) -> None:
    with pytest.raises(CrosswireError, match=r"^[^\n]*Expected a name[^\n]*$") as refused:
        factory_of(spec)
    assert told in str(refused.value)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the working directory, which is not where modules are looked for."""
    (tmp_path / "audited_shop").mkdir()
    (tmp_path / "audited_shop" / "__init__.py").write_text("")
    (tmp_path / "audited_shop" / "kept.py").write_text(
        "NAMES = ()\n\n\nclass Made:\n    @staticmethod\n    def store():\n        return NAMES\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    for name in ("audited_shop", "audited_shop.kept"):
        monkeypatch.setitem(sys.modules, name, None)  # and as it was afterwards
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


def test_a_factory_in_a_package_is_the_same_by_its_module_and_by_its_file(shop: Path) -> None:
    by_module = factory_of("audited_shop.kept:Made.store")
    assert by_module() == ()
    assert factory_of(f"{shop}/audited_shop/kept.py:Made.store") is by_module
    assert split("audited_shop/kept.py:Made.store") == ("audited_shop.kept", "Made.store")


def test_an_id_of_a_check_is_used_once_and_begins_with_its_level() -> None:
    for id in ("apart.case", "elsewhere.case"):
        with pytest.raises(ValueError, match=f"^{id}: a check's id is used once, and begins with one of apart, "):
            check(id, "Nothing.", why="Nobody.")(lambda trial: pytest.fail("it was run"))
    assert CHECKS["apart.case"].asserts != "Nothing."


def test_list_names_all_that_can_be_asked_for(run: Call) -> None:
    done = run("--list")
    assert done.returncode == 0
    said = " ".join(done.stdout.split())
    assert all(f"{level}: {claim}" in said for level, claim in LEVELS.items())
    assert all(f"{check.id} {check.asserts}" in said for check in CHECKS.values())
    assert all(name in said for name in NAMED)
    listed = json.loads(run("--list", "--json", "-").stdout)
    assert ([each["id"] for each in listed["checks"]], listed["targets"]) == (list(CHECKS), list(NAMED))


def test_reports_show_hostile_text_as_text_and_what_was_not_tried() -> None:
    harm = "<script>x</script>\x00\u202e"
    outcome = Outcome("apart.case", "fail", harm, replay=[("a", harm, harm)] * 50, reproduction=harm, documented=harm)
    untold = [Outcome("apart.long", "unknown", harm), Outcome("apart.joined", "not applicable", harm)]
    result = Audit(harm, harm, [harm], {harm: harm}, outcomes=[outcome, *untold], left=["apart.colon"])
    page = as_html(result)
    assert "<script" not in page
    assert "\u202e" not in page
    assert "after 10 earlier steps" in page
    cases = {
        case.get("name"): [child.tag for child in case] for case in ET.fromstring(as_junit(result)).iter("testcase")
    }
    assert cases == {
        "apart.case": ["failure"],
        "apart.long": ["error"],
        "apart.joined": ["skipped"],
        "apart.colon": ["error"],
    }
    assert not [line for line in explained(untold[0]) if line.startswith("Who did what")]


def test_nothing_tried_and_nothing_passed_is_no_pass() -> None:
    assert Audit("a").status == "unknown"
    assert Audit("a", outcomes=[Outcome("apart.case", "not applicable")]).status == "unknown"
    assert Audit("a", outcomes=[Outcome("apart.case", "pass"), Outcome("apart.colon", "unknown")]).status == "unknown"
    assert Audit("a", outcomes=[Outcome("apart.case", "pass")], left=["apart.colon"]).status == "unknown"
    assert Audit("a", outcomes=[Outcome("apart.case", "pass")]).status == "pass"
    assert Audit("a", outcomes=[Outcome("apart.case", "fail"), Outcome("apart.colon", "unknown")]).status == "fail"
