"""The wheel, in a virtual environment of its own, once for all tests that use it.

What it depends on is taken from the environment of the tests: everything, or what the plain install asks for alone.
"""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from rag.settings import Settings
from tests import PROJECT, needs

ALL = sysconfig.get_path("purelib")
CHOSEN = f"import os, sys; sys.path.append(os.environ.get('DEPENDENCIES', {ALL!r}))\n"
"""A .pth file that adds the folder with what the package depends on. Parsers get no environment, and need all."""


@dataclass(frozen=True)
class Place:
    """A virtual environment with the wheel, and the folder from which its command is called."""

    python: Path
    here: Path
    env: dict[str, str] = field(default_factory=dict)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A program of the environment, with nobody's settings."""
        ours = {"PYTHONPATH", *(name.upper() for name in Settings.model_fields)}
        env = {name: text for name, text in os.environ.items() if name.upper() not in ours}
        program, *arguments = command
        return subprocess.Popen(
            [str(self.python.with_name(program)), *arguments],
            cwd=self.here,
            env={**env, "COLUMNS": "100", **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str) -> tuple[int, str]:
        return finished(self.start(*command))

    def at(self, here: Path, dependencies: Path | None = None) -> Place:
        """The same environment, called from there, with these dependencies."""
        env = {**self.env, **({"DEPENDENCIES": str(dependencies)} if dependencies else {})}
        return dataclasses.replace(self, here=here, env=env)


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status and all that it wrote."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("hatchling", "hatch_requirements_txt", "pip"):
        needs.package(name)
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert built.returncode == 0, built.stderr
    return next(folder.iterdir())


@pytest.fixture(scope="session")
def place(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """With everything, in a folder of somebody who has packages of our names."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True, timeout=60)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, wheel], check=True, timeout=60)
    packages = next((folder / "venv" / "lib").glob("python*/site-packages"))
    (packages / "dependencies.pth").write_text(CHOSEN)
    here = folder / "here"
    for name in ("rag", "pages", "crosswire", ".streamlit"):
        (here / name).mkdir(parents=True)
    for name in ("rag/__init__.py", "crosswire/__init__.py", "app.py"):
        (here / name).write_text("raise SystemExit('this is the stranger\\'s')\n")
    (here / ".streamlit" / "secrets.toml").write_text("SESSION_TTL_SECONDS = 77\n")
    return Place(python, here)


@pytest.fixture(scope="session")
def plain(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """With what the plain install brings along, and pytest; in an empty folder."""
    found: dict[str, Path] = {}
    for requirement in [*plain_dependencies(), "pytest"]:
        gather(requirement, found)
    folder = tmp_path_factory.mktemp("plain")
    for name, path in found.items():
        (folder / name).symlink_to(path)
    return place.at(tmp_path_factory.mktemp("project"), folder)


def plain_dependencies() -> list[str]:
    """As pyproject.toml has them."""
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r"^dependencies = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    assert found
    return re.findall(r'"([^"]+)"', found[1])


def gather(requirement: str, found: dict[str, Path]) -> None:
    """Add what this needs, and what that needs, as name in site-packages -> where it is."""
    wanted = Requirement(requirement)
    if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
        return
    try:
        held = distribution(wanted.name)
    except PackageNotFoundError:
        return
    tops = {file.parts[0] for file in held.files or () if file.parts[0] not in ("..", "__pycache__")}
    if tops <= found.keys():
        return
    found |= {top: Path(str(held.locate_file(top))) for top in tops}
    for more in held.requires or ():
        gather(more, found)
