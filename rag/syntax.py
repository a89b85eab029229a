"""Python's parser, for one thread at a time.

CPython 3.11 counts how deep it is in a syntax tree in one place for all threads. Where garbage is collected in the
middle of one, by what is written in Python, another thread's parse makes it fail: "SystemError: AST constructor
recursion depth mismatch". Streamlit would parse each page for its "magic"; that is off in .streamlit/config.toml.
"""

from __future__ import annotations

import ast
import inspect
import threading
from types import ModuleType

_ONE = threading.Lock()


def parsed(source: str) -> ast.Module:
    """The syntax tree. Raises SyntaxError."""
    with _ONE:
        return ast.parse(source)


def source_of(what: type | ModuleType) -> str:
    """Of a class it is found in its file's syntax tree. Raises OSError where there is none."""
    with _ONE:
        return inspect.getsource(what)
