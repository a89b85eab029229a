"""The package `crosswire`: public names, each loaded when it is used first."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest

import crosswire
import rag.crosstalk
from tests import PROJECT


def loaded_by(statement: str) -> set[str]:
    """The top packages that a process of its own has loaded after this statement, but not before."""
    code = f"import sys\nbefore = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_the_import_loads_nothing_but_itself() -> None:
    assert loaded_by("import crosswire") - sys.stdlib_module_names == {"crosswire"}


@pytest.mark.parametrize("name", ["Settings", "SessionStore", "check"])
def test_a_name_loads_what_it_stands_on_and_no_page_and_no_library(name: str) -> None:
    loaded = loaded_by(f"from crosswire import {name}")
    assert "rag" in loaded
    assert loaded.isdisjoint(("streamlit", "chromadb", "pandas", "wordllama", "openai"))


def test_every_public_name_is_there_and_is_the_one_behind_it() -> None:
    for name in crosswire.__all__:
        module, _, attribute = crosswire._HOMES[name].partition(":")
        assert getattr(crosswire, name) is getattr(import_module(module), attribute)


@pytest.mark.parametrize("package", [crosswire, rag.crosstalk], ids=lambda package: package.__name__)
def test_what_type_checkers_are_told_is_what_is_loaded(package: Any) -> None:
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    branch = next(node for node in tree.body if isinstance(node, ast.If))
    told = {
        alias.asname or alias.name: f"{node.module}:{alias.name}"
        for node in ast.walk(branch)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == package._HOMES
    assert sorted(package.__all__) == sorted(told)
    assert all(getattr(package, name) is not None for name in told)


def test_its_version_is_that_of_the_installed_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", {"crosswire": "1.2.3"}.__getitem__)
    assert crosswire.__version__ == "1.2.3"


def test_a_checkout_has_no_version_and_says_so_as_a_missing_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", unknown)
    assert getattr(crosswire, "__version__", None) is None
    with pytest.raises(AttributeError, match="not installed here"):
        _ = crosswire.__version__


def test_one_level_may_be_named_without_a_list_and_a_registered_factory_is_still_one() -> None:
    registered = crosswire.audit_test("Mine", only="apart")(lambda session_id: f"store of {session_id}")
    assert registered.only == ("apart",)
    assert registered("ada") == "store of ada"


def test_other_names_are_refused_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="no attribute 'connekt'"):
        _ = crosswire.connekt  # type: ignore[attr-defined] # so type checkers see it, too
    assert set(dir(crosswire)) == {*crosswire.__all__, "__version__"}
