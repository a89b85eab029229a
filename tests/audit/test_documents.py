"""What is written about the audit is what it does: the page's table, and what packages are quoted with."""

from __future__ import annotations

import dataclasses
import importlib
import json

import pytest

from rag.audit.checks import CHECKS, LEVELS
from rag.audit.report.documented import LIMITS, Limit, documented
from rag.audit.report.reproduction import name_of_test
from rag.audit.results import Audit, Outcome
from tests.audit.ids_table import PAGE, parts, table
from tests.audit.matrix.__main__ import DOCS
from tests.audit.matrix.rows import ROWS


def test_the_page_has_every_check_as_the_registry_has_it() -> None:
    assert parts()[1] == table(), "python -m tests.audit.ids_table writes it anew"


def test_the_page_names_every_key_of_the_json() -> None:
    keys = Audit("a").to_dict().keys() | {each.name for each in dataclasses.fields(Outcome)}
    described = PAGE.read_text(encoding="utf-8").partition("## The JSON")[2]
    assert {key for key in keys if f"`{key}`" not in described} == set()


@pytest.mark.parametrize("limit", [each for each in LIMITS if "github.com" in each.link], ids=lambda each: each.kind)
def test_a_package_is_quoted_with_its_own_words(limit: Limit) -> None:
    module, _, name = limit.kind.rpartition(".")
    pytest.importorskip(module)
    kind = getattr(importlib.import_module(module), name)
    said = " ".join(" ".join(each.__doc__ or "" for each in (kind, *vars(kind).values())).split())
    assert limit.words in said
    assert module.replace(".", "/") in limit.link


def test_each_failure_of_the_matrix_has_its_reproduction_and_each_of_those_a_failure() -> None:
    kept = json.loads((DOCS / "audit.json").read_text(encoding="utf-8"))
    assert list(kept) == [row.name for row in ROWS if row.name in kept]
    outcomes = [(row.slug, each) for row in ROWS if row.name in kept for each in kept[row.name]["outcomes"]]
    failed = {f"audit/{slug}/{name_of_test(each['id'])}.py" for slug, each in outcomes if each["status"] == "fail"}
    assert failed == {each["reproduction"] for _, each in outcomes if each["reproduction"]}
    assert failed == {str(file.relative_to(DOCS)) for file in (DOCS / "audit").glob("*/test_*.py")}


def test_a_limit_is_shown_where_it_is_about_the_check_and_the_class() -> None:
    base, memory = "langgraph.checkpoint.base.BaseCheckpointSaver", "langgraph.checkpoint.memory.InMemorySaver"
    assert "InMemorySaver documents: “Only use" in documented("lasting.anything", [base, memory])
    assert "Double texting" in documented("whole.pairs", [memory, base])
    assert documented("lasting.anything", ["mine.Saver", base]) == ""
    assert documented("apart.case", [base, memory]) == ""
    assert documented("whole.pairs", ["mine.Saver"]) == ""
    assert {name for limit in LIMITS for name in limit.checks} <= CHECKS.keys() | LEVELS.keys()
