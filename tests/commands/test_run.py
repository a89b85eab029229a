"""How a command ends, and those that start the app or open its inspector."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rag import commands
from rag.commands import serving
from rag.errors import CrosswireError
from tests.commands.running import Call


@pytest.mark.parametrize("whole", [True, False])
def test_a_module_that_is_missing_is_a_fault_or_more_than_the_plain_install(
    whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def needs(**_: object) -> None:
        raise ModuleNotFoundError("No module named 'chromadb'")

    monkeypatch.setattr(commands, "app", needs)
    monkeypatch.setattr(commands, "find_spec", lambda _: object() if whole else None)
    expected = ModuleNotFoundError if whole else CrosswireError
    with pytest.raises(expected, match="No module named 'chromadb'") as told:
        commands.run()
    assert ('pip install "crosswire[app]"' in str(told.value)) is not whole


def test_no_command_at_all_is_help_and_status_2_without_a_problem(call: Call) -> None:
    run = call(env={})
    assert run.returncode == 2
    assert "Start the app" in run.stdout + run.stderr
    assert "--help." not in run.stderr


def test_the_app_is_run_with_what_was_asked_for_and_the_users_own_options_win(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[list[str], dict[str, str]]] = []

    def execve(path: str, command: list[str], environment: dict[str, str]) -> None:
        ran.append((command, environment))
        raise SystemExit(0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(serving, "STREAMLIT_OPTIONS", tmp_path / "ours.toml")
    (tmp_path / "ours.toml").write_text("[server]\nmaxUploadSize = 5\n[theme.light]\nprimaryColor = '#123'\n")
    env = {"STATE_DIR": str(tmp_path / "state")}
    assert call("run", "--port", "8600", "--address", "0.0.0.0", env=env).returncode == 0
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text("[server]\nmaxUploadSize = 1\n")
    assert call("run", env=env).returncode == 0
    (asked, defaults), (plain, own) = ran
    assert asked[-2:] == ["--server.port=8600", "--server.address=0.0.0.0"]
    assert not [word for word in plain if word.startswith("--server")]
    assert defaults["STREAMLIT_SERVER_MAX_UPLOAD_SIZE"] == "5"
    assert "STREAMLIT_SERVER_MAX_UPLOAD_SIZE" not in own
    assert own["STREAMLIT_THEME_LIGHT_PRIMARY_COLOR"] == "#123"
    (tmp_path / ".streamlit" / "config.toml").write_text("[server\n")
    broken = call("run", env=env)
    assert (broken.returncode, "expected valid TOML" in broken.stderr, len(ran)) == (2, True, 2)


def test_a_link_to_the_inspector_is_made_where_one_is_needed(call: Call, tmp_path: Path) -> None:
    env = {"STATE_DIR": str(tmp_path / "state")}
    made = call("inspect-link", "--app-url", "https://chat.example", "--json", "-", env=env)
    assert json.loads(made.stdout)["link"].startswith("https://chat.example/")
    needless = call("inspect-link", env={**env, "INSPECTOR_PASSWORD": "a password of twelve or more"})
    assert (needless.returncode, needless.stdout) == (2, "")
    assert needless.stderr.startswith("No link is needed")
