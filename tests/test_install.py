"""The wheel, installed into a fresh environment and used from another folder, where a stranger has a `rag` as well."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from streamlit import config

from rag.commands.serving import _defaults
from tests import PROJECT
from tests.installing import Place, finished
from tests.servers import free_port

WARRANTY = {"message": "How long is the warranty?"}


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
    wanted = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    plain = {each.name: each.specifier for each in wanted if each.marker is None}
    app = {each.name: each.specifier for each in wanted if each.marker is not None}
    assert {str(each.marker) for each in wanted if each.marker} == {'extra == "app"'}
    assert plain.keys() == {"typer", "rich", "jinja2", "junitparser"}
    assert plain.items() <= app.items()  # requirements.in is everything
    assert {"streamlit", "langchain-core", "chromadb", "redis"} <= app.keys()
    assert app.keys().isdisjoint(("pytest", "playwright", "hatchling"))
    entries = packed.read("crosswire-0.1.0.dist-info/entry_points.txt").decode()
    assert "[pytest11]\ncrosswire = crosswire.pytest_plugin" in entries


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
    assert options.keys() <= {option.env_var for option in config.get_config_options().values()}
    assert options["STREAMLIT_SERVER_ADDRESS"] == "localhost"
    assert options["STREAMLIT_CLIENT_SHOW_ERROR_DETAILS"] == "none"
    assert options["STREAMLIT_THEME_DARK_SIDEBAR_BACKGROUND_COLOR"].startswith("#")
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text('server.address = "0.0.0.0"\n')
    assert options.keys() - _defaults().keys() == {"STREAMLIT_SERVER_ADDRESS"}
