"""The wheel, installed into a fresh environment and used from another folder, where a stranger has a `rag` as well."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from rag.commands.serving import _defaults
from rag.settings import Settings
from tests import PROJECT, needs
from tests.browser.serving import free_port

WARRANTY = {"message": "How long is the warranty?"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("hatchling", "hatch_requirements_txt", "pip"):
        needs.package(name)
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert built.returncode == 0, built.stderr
    return next(folder.iterdir())


@dataclass(frozen=True)
class Place:
    """A virtual environment with the wheel, and the folder from which its command is called."""

    python: Path
    here: Path

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A program of the environment, with nobody's settings."""
        ours = {"PYTHONPATH", *(name.upper() for name in Settings.model_fields)}
        env = {name: text for name, text in os.environ.items() if name.upper() not in ours}
        program, *arguments = command
        return subprocess.Popen(
            [str(self.python.with_name(program)), *arguments],
            cwd=self.here,
            env={**env, "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str) -> tuple[int, str]:
        return finished(self.start(*command))


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status and all that it wrote."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


@pytest.fixture(scope="module")
def place(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True, timeout=60)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, wheel], check=True, timeout=60)
    # What it depends on is taken from the environment of the tests.
    packages = next((folder / "venv" / "lib").glob("python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    here = folder / "here"
    for name in ("rag", "pages", "crosswire", ".streamlit"):
        (here / name).mkdir(parents=True)
    for name in ("rag/__init__.py", "crosswire/__init__.py", "app.py"):
        (here / name).write_text("raise SystemExit('this is the stranger\\'s')\n")
    (here / ".streamlit" / "secrets.toml").write_text("SESSION_TTL_SECONDS = 77\n")
    return Place(python, here)


@pytest.fixture(scope="module")
def listing(place: Place) -> dict[Path, tuple[int, int]]:
    """Every file of the environment, with its size and its time, before anything was called."""
    return files(place)


def files(place: Place) -> dict[Path, tuple[int, int]]:
    root = place.python.parent.parent
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def app(place: Place, listing: dict[Path, tuple[int, int]]) -> Iterator[str]:
    """The address of `crosswire run`, with the port from the stranger's own configuration of Streamlit."""
    port = free_port()
    (place.here / ".streamlit" / "config.toml").write_text(f"[server]\nport = {port}\n")
    process = place.start("crosswire", "run")
    try:
        address = f"http://localhost:{port}"
        while not _answers(address):
            assert process.poll() is None, finished(process)
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        finished(process)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=5, verify=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_wheel_holds_what_the_program_needs_and_nothing_else(wheel: Path) -> None:
    packed = zipfile.ZipFile(wheel)
    names = packed.namelist()
    ours = {PROJECT / "app.py", *(path for top in ("pages", "data") for path in (PROJECT / top).rglob("*"))}
    ours.add(PROJECT / "docs" / "log-format.md")
    resources = {str(path.relative_to(PROJECT)) for path in ours if path.is_file() and path.suffix != ".pyc"}
    prefix = "rag/_resources/"
    assert {name.removeprefix(prefix) for name in names if name.startswith(prefix)} == {*resources, "streamlit.toml"}
    assert {name.partition("/")[0] for name in names} == {"crosswire", "rag", "crosswire-0.1.0.dist-info"}
    assert {"crosswire/py.typed", "rag/py.typed"} <= set(names)
    assert not [name for name in names if name.endswith(".pyc") or "secrets.toml" in name]

    metadata = Parser().parsestr(packed.read("crosswire-0.1.0.dist-info/METADATA").decode())
    wanted = {Requirement(line).name for line in metadata.get_all("Requires-Dist", [])}
    assert {"streamlit", "langchain-core", "chromadb", "redis"} <= wanted
    assert wanted.isdisjoint(("pytest", "playwright", "hatchling"))


def test_it_is_imported_by_name(place: Place, listing: dict[Path, tuple[int, int]]) -> None:
    code = "import crosswire as c, rag; print(c.__version__, c.load_settings().session_ttl_seconds, rag.__file__)"
    status, said = place.run("python", "-P", "-c", code)
    assert status == 0, said
    version, ttl, file = said.split()
    assert (version, ttl) == ("0.1.0", "77")  # the latter from the stranger's own .streamlit/secrets.toml
    assert Path(file).is_relative_to(place.python.parent.parent)


def test_the_app_and_the_commands_work_and_keep_everything_in_the_working_directory(
    place: Place, listing: dict[Path, tuple[int, int]], app: str
) -> None:
    started = {
        "help": place.start("crosswire", "--help"),
        "simulate": place.start(
            "crosswire", "simulate", "--strategy", "redis-turn", "--users", "3", "--turns", "2", "--processes", "2"
        ),
        "chat": place.start("crosswire", "chat", "What does express delivery cost?"),
    }
    answer = httpx.post(f"{app}/api/chat", json=WARRANTY, timeout=30).json()
    assert "2 years" in answer["answer"]
    assert answer["sources"][0]["document_id"].startswith("warranty/")
    assert "streamlit" in httpx.get(app, timeout=30).text.lower()

    done = {name: finished(process) for name, process in started.items()}
    assert {name: status for name, (status, _) in done.items()} == {"help": 0, "simulate": 0, "chat": 0}, done
    assert "Usage: crosswire [OPTIONS] COMMAND" in done["help"][1]
    assert "isolated: 3 users stayed apart" in done["simulate"][1]
    assert "£6.95" in done["chat"][1]

    assert files(place) == listing
    assert {"library", "redis", "session_secret"} <= {path.name for path in (place.here / ".crosswire").iterdir()}


def test_the_options_of_the_app_hold_unless_the_working_directory_has_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = PROJECT / ".streamlit" / "config.toml"
    monkeypatch.setattr("rag.commands.serving.STREAMLIT_OPTIONS", packed)
    monkeypatch.chdir(tmp_path)
    options = _defaults()
    assert options["STREAMLIT_SERVER_ADDRESS"] == "localhost"
    assert options["STREAMLIT_CLIENT_SHOW_ERROR_DETAILS"] == "none"
    assert options["STREAMLIT_THEME_DARK_SIDEBAR_BACKGROUND_COLOR"].startswith("#")
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text('server.address = "0.0.0.0"\n')
    assert options.keys() - _defaults().keys() == {"STREAMLIT_SERVER_ADDRESS"}
