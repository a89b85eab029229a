"""What a target's name stands for: a factory that comes along, or an import path of one."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from rag.audit.adapters import ADAPTERS
from rag.audit.kit.opening import Target
from rag.audit.targets import NAMED
from rag.audit.targets.running import is_running, running_chat
from rag.errors import CrosswireError

EXPECTED = (
    "Expected a name (crosswire audit --list) or where a factory is: package.module:function or path/file.py:function; "
    "of a running chat http://… or a YAML file that describes it."
)


def loaded(spec: str) -> Target:
    """The target. Raises CrosswireError with one line if there is no such."""
    return Target(factory_of(spec), ADAPTERS)


def factory_of(spec: str) -> Any:
    """What makes the store. Raises CrosswireError if there is no such."""
    module, name = split(spec)
    if is_running(spec):
        return partial(running_chat, spec)
    return _found(spec, _imported(spec, module), name)


def split(spec: str) -> tuple[str, str]:
    """The module and the name in it. Of a file: the module that it is imported as. Raises CrosswireError."""
    if is_running(spec):
        return running_chat.__module__, running_chat.__name__
    path = NAMED.get(spec, spec)
    module, _, name = path.rpartition(":")
    if not module or not all(part.isidentifier() for part in name.split(".")):
        raise CrosswireError(f"{spec!r} names no target. {EXPECTED}")
    if module.endswith(".py"):
        return _package_path(Path(module).resolve())[1], name
    return module, name


def _package_path(file: Path) -> tuple[Path, str]:
    """The folder from which a file is imported, and as what: the folders above it that are packages count."""
    root, parts = file.parent, [file.stem]
    while (root / "__init__.py").is_file() and root.parent != root:
        parts.insert(0, root.name)
        root = root.parent
    return root, ".".join(parts)


def _imported(spec: str, module: str) -> ModuleType:
    path = NAMED.get(spec, spec).rpartition(":")[0]
    if path.endswith(".py"):
        file = Path(path).resolve()
        if not file.is_file():
            raise CrosswireError(f"There is no file {path}. {EXPECTED}")
        sys.path.insert(0, str(_package_path(file)[0]))
    elif str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as exc:
        raise CrosswireError(f"{exc}. {EXPECTED}") from exc


def _found(spec: str, module: ModuleType, name: str) -> Any:
    found: Any = module
    for each in name.split("."):
        if not hasattr(found, each):
            raise CrosswireError(f"{module.__name__} has no {each!r}. {EXPECTED}")
        found = getattr(found, each)
    found = getattr(found, "crosswire_factory", found)  # what crosswire.audit_test registered
    if not callable(found) and not hasattr(found, "create"):
        raise CrosswireError(f"{spec} is a {type(found).__name__}, not a factory. {EXPECTED}")
    return found
