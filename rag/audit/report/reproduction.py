"""A failed check as one pytest file that needs the audited package alone.

It is made of the very sources that found the fault: the check, the adapter and what they stand on, each definition
that is used and no other. So it cannot say anything else than the audit did.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag.audit.checks.registry import Check
from rag.audit.kit.contract import Subject
from rag.audit.report.versions import imported_by, versions_of
from rag.audit.results import Outcome
from rag.safe_text import visible
from rag.syntax import parsed

INLINED = "rag.audit."
_ORDER = ("checks", "kit", "adapters", "targets")
PATIENT = 60.0
"""Seconds that it may take where a check takes ten: it comes to what was found on a slower machine, too."""

Name = tuple[str, str]
"""A module, and something that is defined at its top level."""


@cache
def _module(name: str) -> tuple[str, dict[str, ast.stmt], dict[str, tuple[str, str]]]:
    """Its source, what it defines at its top level, and what it imports: name -> (module, its name there or "")."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    source = Path(spec.origin).read_text(encoding="utf-8")
    defines: dict[str, ast.stmt] = {}
    imports: dict[str, tuple[str, str]] = {}
    for node in parsed(source).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                defines[node.name] = node
            case ast.Assign(targets=[ast.Name(id=one)]) | ast.AnnAssign(target=ast.Name(id=one)):
                defines[one] = node
            case ast.ImportFrom(module=str(home), names=names):
                imports |= {each.asname or each.name: (home, each.name) for each in names}
            case ast.Import(names=names):
                imports |= {each.asname or each.name: (each.name, "") for each in names}
    return source, defines, imports


def _stripped(node: ast.stmt) -> ast.stmt:
    """Without the decorator that registers a check."""
    decorators = getattr(node, "decorator_list", None)
    if decorators:
        node.decorator_list = [  # type: ignore[attr-defined]  # has one, as was just seen
            each for each in decorators if not (isinstance(each, ast.Call) and getattr(each.func, "id", "") == "check")
        ]
    return node


@cache  # each check of an audit stands on much the same
def _used(home: str, name: str) -> frozenset[str]:
    node = _module(home)[1][name]
    return frozenset(each.id for each in ast.walk(_stripped(node)) if isinstance(each, ast.Name))


def _text(source: str, node: ast.stmt) -> str:
    decorators = getattr(_stripped(node), "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return "\n".join(source.splitlines()[first - 1 : node.end_lineno])


def gathered(roots: list[Name]) -> tuple[list[str], list[str]]:
    """The imports and the definitions, in order, that these stand on. Raises ValueError if two have one name."""
    found: dict[str, str] = {}
    imports: set[str] = set()
    waiting = list(roots)
    while waiting:
        home, name = waiting.pop()
        if found.get(name) == home:
            continue
        if name in found:
            raise ValueError(f"{name} is defined in {found[name]} and in {home}: rename one, they share one file")
        found[name] = home
        _, defines, imported = _module(home)
        for used in sorted(_used(home, name)):
            if used in defines and used != name:
                waiting.append((home, used))
            elif used in imported:
                module, original = imported[used]
                if module.startswith(INLINED):
                    waiting.append((module, original))
                else:
                    imports.add(f"from {module} import {original}" if original else f"import {module}")
    texts = []
    for home in _in_order(set(found.values())):
        source, defines, _ = _module(home)
        own = [defines[name] for name, where in found.items() if where == home]
        texts += [_text(source, node) for node in sorted(own, key=lambda node: node.lineno)]
    return sorted(imports, key=lambda line: (line.startswith("from"), line)), texts


def _in_order(homes: set[str]) -> list[str]:
    """By folder, and within one what is imported first."""
    graph = {
        home: {module for module, _ in _module(home)[2].values() if module in homes and module != home}
        for home in sorted(homes)
    }
    order = list(TopologicalSorter(graph).static_order())
    return sorted(order, key=lambda home: _ORDER.index(home.split(".")[2]))


def sources_of(adapter: type[Subject], factory: Name) -> list[str]:
    """Our own sources that import what is audited: the adapter's, and the factory's if it is one of ours."""
    roots = [(adapter.__module__, adapter.__name__), *([factory] if factory[0].startswith(INLINED) else [])]
    return ["\n".join(part) for part in gathered(roots)]


def reproduced(check: Check, outcome: Outcome, factory: Name, adapter: type[Subject]) -> str:
    """The file for a failure, with the versions of all that it imports."""
    draft = reproduction(check, outcome, factory, adapter, outcome.lane, [])
    versions = versions_of(imported_by(draft))
    needed = [f"{name}=={version}" for name, version in versions.items() if name != "pytest"]
    return reproduction(check, outcome, factory, adapter, outcome.lane, needed)


def reproduction(
    check: Check, outcome: Outcome, factory: Name, adapter: type[Subject], lane: str, versions: list[str]
) -> str:
    """The file. versions: `name==version` of what has to be installed."""
    body: Any = check.body
    roots = [(body.__module__, body.__name__), (adapter.__module__, adapter.__name__)]
    roots += [("rag.audit.kit.opening", "Target"), ("rag.audit.kit.trial", "Trial")]
    home, name = factory
    given = ""
    if home.startswith(INLINED):
        roots.append((home, name))
    else:
        given = f"from {home} import {name.partition('.')[0]}"
    imports, texts = gathered(roots)
    needed = sorted({*imports, "import asyncio", "import tempfile"}, key=lambda line: (line.startswith("from"), line))
    standard = [line for line in needed if line.split()[1].partition(".")[0] in sys.stdlib_module_names]
    others = [line for line in needed if line not in standard] + ([given] if given else [])
    what = " ".join(versions)
    head = f'''"""{check.asserts}

What was seen: {_plain(outcome.evidence)}
Why it matters: {_plain(check.why)}{" " + check.link if check.link else ""}

pip install pytest {what}
pytest THIS_FILE
"""
'''
    test = f'''
def {name_of_test(check.id)}() -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Target({name}, [{adapter.__name__}])
        asyncio.run({body.__name__}(Trial(target, "{lane}", folder, run="r1", budget={PATIENT:g})))
'''
    parts = [head, "from __future__ import annotations\n", "\n".join(standard), "\n".join(others), test, *texts]
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def name_of_test(check: str) -> str:
    """Of the test that a check is in a reproduction, and of its file."""
    return f"test_{check.replace('.', '_').replace('-', '_')}"


def _plain(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"""', "'''")
