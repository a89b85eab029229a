"""Which distributions hold these modules: several may share a package, like `langgraph`."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from rag.syntax import parsed


def versions_of(modules: Iterable[str]) -> dict[str, str]:
    """Distribution -> version, of those modules that are installed; the standard library is none."""
    files = [file for file in map(_file, set(modules)) if file is not None]
    found: dict[str, str] = {}
    for held in distributions() if files else ():
        root = str(held.locate_file(""))
        # The text as it is: taken apart, those of a large environment cost seconds.
        record = f"\n{held.read_text('RECORD') or ''}"
        if any(f"\n{file.relative_to(root).as_posix()}," in record for file in files if file.is_relative_to(root)):
            found.setdefault(held.name, held.version)
    return dict(sorted(found.items()))


def imported_by(source: str) -> list[str]:
    """The modules that are imported anywhere in it. `from a.b import c` may mean the module a.b.c, too."""
    found = set()
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return sorted(found)


def classes_of(objects: Iterable[Any]) -> list[str]:
    """The classes of these objects, and their bases, as `module.Class`; not those of the standard library."""
    kinds = {kind for each in objects for kind in type(each).__mro__}
    names = {f"{kind.__module__}.{kind.__name__}" for kind in kinds}
    return sorted(name for name in names if name.partition(".")[0] not in sys.stdlib_module_names)


def _file(module: str) -> Path | None:
    """Where it is defined. Found without an import, as that of a whole SDK takes seconds."""
    top, *below = module.split(".")
    if top in sys.stdlib_module_names:
        return None
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded:
        return Path(loaded)
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = [Path(place, *below) for place in spec.submodule_search_locations or ()]
    files = [file for place in places for file in (place / "__init__.py", place.with_suffix(".py"))]
    return next((file for file in files if file.is_file()), Path(spec.origin) if spec.origin and not below else None)
