"""What a target's name stands for: a factory that comes along, or an import path of one."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from rag.audit.adapters import ADAPTERS
from rag.audit.kit.opening import Target
from rag.audit.targets import NAMED
from rag.errors import CrosswireError

EXPECTED = "Expected a name (crosswire audit --list) or an import path of a factory: package.module:function."


def loaded(spec: str) -> Target:
    """The target. Raises CrosswireError with one line if there is no such."""
    return Target(factory_of(spec), ADAPTERS)


def factory_of(spec: str) -> Any:
    path = NAMED.get(spec, spec)
    module, _, name = path.partition(":")
    if not name:
        raise CrosswireError(f"{spec!r} names no target. {EXPECTED}")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
    except ImportError as exc:
        raise CrosswireError(f"{spec}: {exc}. {EXPECTED}") from exc
    for each in name.split("."):
        if not hasattr(found, each):
            raise CrosswireError(f"{module} has no {each!r}. {EXPECTED}")
        found = getattr(found, each)
    if not callable(found) and not hasattr(found, "create"):
        raise CrosswireError(f"{spec} is a {type(found).__name__}, not a factory. {EXPECTED}")
    return found
