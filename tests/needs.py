"""Programs that some tests need. Missing on a developer's machine: the test is skipped. Missing in CI: it fails."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest


def program(*names: str) -> str:
    """The path of the first of these programs that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    _missing(" or ".join(names))


def file(folder: Path, pattern: str, package: str) -> str:
    """The first such file, which a Debian package brings."""
    for path in folder.glob(pattern):
        return str(path)
    _missing(package)


def package(name: str) -> None:
    """Make sure that this Python package can be imported."""
    if importlib.util.find_spec(name) is None:
        _missing(f"the Python package {name}")


def small_disk(folder: Path, megabytes: int) -> None:
    """Make this folder a disk of its own, which can be filled. Whoever asked for it unmounts it."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if shutil.which("mount") else None
    if done is None or done.returncode:
        _missing("the right to mount a small disk")


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and in CI every test must run")
    pytest.skip(f"{what} is not installed")
