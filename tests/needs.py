"""Programs that some tests need. Missing on a developer's machine: the test is skipped. Missing in CI: it fails."""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest


def program(*names: str) -> str:
    """The path of the first of these programs that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    _missing(" or ".join(names))


def package(name: str) -> None:
    """Make sure that this Python package can be imported."""
    if importlib.util.find_spec(name) is None:
        _missing(f"the Python package {name}")


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and in CI every test must run")
    pytest.skip(f"{what} is not installed")
