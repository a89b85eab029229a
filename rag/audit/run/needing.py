"""What a named target needs: packages that are installed here or not, and for some a server that is named.

It is read off its factory: what that imports, which driver it names, and which server it asks for.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from rag.audit.report.reproduction import gathered
from rag.audit.targets import NAMED
from rag.audit.targets.servers import EXAMPLES
from rag.syntax import parsed

DISTRIBUTIONS = {
    "langgraph.checkpoint.sqlite": "langgraph-checkpoint-sqlite",
    "langgraph.store.sqlite": "langgraph-checkpoint-sqlite",
    "langgraph.checkpoint.postgres": "langgraph-checkpoint-postgres",
    "langgraph.store.postgres": "langgraph-checkpoint-postgres",
    "langgraph.checkpoint.redis": "langgraph-checkpoint-redis",
    "agents": "openai-agents",
    "google.adk": "google-adk",
    "llama_index.storage.chat_store.sqlite": "llama-index-storage-chat-store-sqlite",
    "llama_index.storage.chat_store.redis": "llama-index-storage-chat-store-redis",
    "llama_index": "llama-index-core",
    "mem0": "mem0ai",
}
"""Module -> what pip calls it, where that is not the module's name."""
_DRIVER = re.compile(r"[a-z]{1,20}\+([a-z0-9]{1,20})://")


def missing(name: str) -> str:
    """What pip has to be told before this target can be opened here; empty if nothing is missing."""
    found = [each for each in _modules(name) if not _is_there(each)]
    return f"pip install {' '.join(sorted(set(map(_distribution, found))))}" if found else ""


@cache
def server(name: str) -> str:
    """The variable that names the server that it runs on; empty if it needs none."""
    calls = [each for each in ast.walk(_source(name)) if isinstance(each, ast.Call)]
    named = [str(ast.literal_eval(each.args[0])) for each in calls if _calls(each, "server_url")]
    return named[0] if named else ""


def unnamed(name: str) -> str:
    """How to name that server; empty if it is named, or none is needed."""
    variable = server(name)
    return f"{variable}={EXAMPLES[variable]}" if variable and not os.environ.get(variable) else ""


@cache
def _source(name: str) -> ast.Module:
    module, _, factory = NAMED[name].partition(":")
    return parsed("\n".join("\n".join(part) for part in gathered([(module, factory)])))


@cache
def _modules(name: str) -> tuple[str, ...]:
    """Of others. Ours are there where this is."""
    found: set[str] = set()
    for node in ast.walk(_source(name)):
        match node:
            case ast.Import(names=names):
                found |= {each.name for each in names}
            case ast.ImportFrom(module=str(module)):
                found.add(module)
            case ast.Constant(value=str(text)):
                found |= set(_DRIVER.findall(text))
            case ast.Call() if _calls(node, "driven_by"):
                found.add(str(ast.literal_eval(node.args[0])))
    ours = {"rag", *sys.stdlib_module_names}
    return tuple(sorted(each for each in found if each.partition(".")[0] not in ours))


def _calls(node: ast.Call, name: str) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == name and isinstance(node.args[0], ast.Constant)


def _distribution(module: str) -> str:
    known = [each for each in DISTRIBUTIONS if f"{module}.".startswith(f"{each}.")]
    return DISTRIBUTIONS[max(known, key=len)] if known else module.partition(".")[0].replace("_", "-")


def _is_there(module: str) -> bool:
    """Found without importing it, as that of a whole SDK takes seconds."""
    top, *below = module.split(".")
    try:
        found = find_spec(top)
    except (ImportError, ValueError):
        return False
    if found is None:
        return False
    places = [Path(place, *below) for place in found.submodule_search_locations or ()]
    return not below or any(place.is_dir() or place.with_suffix(".py").is_file() for place in places)
