"""`python -m rag simulate --target …`: somebody's own chat, seen from outside."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.running import Call

QUICK = ("--users", "12", "--turns", "3", "--arrival", "ramp:0.2", "--think", "0.05", "--in-flight", "8")
CHAT = "tests.crosstalk.targets.test_endpoints"


def test_a_callable_that_keeps_its_users_apart_ends_with_0(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    done = call("simulate", "--target", f"{CHAT}:right", *QUICK, "--json", str(tmp_path / "r"), env=env)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "r").read_text())
    assert (report["verdict"], report["box"], report["strategy"]) == ("isolated", "black", f"{CHAT}:right")


def test_one_that_does_not_ends_with_1(call: Call, env: dict[str, str]) -> None:
    done = call("simulate", "--target", f"{CHAT}:shared", *QUICK, env=env)
    assert done.returncode == 1, done.stderr
    assert "shown somebody else's data" in " ".join(done.stdout.split())


def test_what_cannot_be_asked_is_said(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    for arguments, said in (
        (("--target", "nonsense"), "expected http://…, https://…, ws://… or package.module:callable"),
        (("--target", f"{CHAT}:right", "--strategy", "redis-turn"), "--target replaces a strategy"),
        (("--strategy", "redis-turn", "--spec", "x.yaml"), "--spec describes a target: add --target"),
        (("--target", f"{CHAT}:right", "--processes", "2"), "processes is 2: expected 1 process"),
        (("--target", "http://127.0.0.1:9", "--spec", str(tmp_path / "none.yaml")), "it cannot be read"),
    ):
        done = call("simulate", *arguments, env=env)
        assert done.returncode == 2
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_few_questions_come_first_and_say_what_they_found(call: Call, env: dict[str, str]) -> None:
    done = call("simulate", "--target", f"{CHAT}:right", *QUICK, env=env)
    assert (
        done.stdout.index("Probe: It answers") < done.stdout.index("Probe: It remembers") < done.stdout.index("solated")
    )
    skipped = call("simulate", "--target", f"{CHAT}:right", *QUICK, "--no-probe", env=env)
    assert skipped.returncode == 0
    assert "Probe" not in skipped.stdout


def test_where_nobody_is_answered_nobody_is_sent(call: Call, env: dict[str, str]) -> None:
    done = call("simulate", "--target", f"{CHAT}:silent", *QUICK, env=env)
    assert done.returncode == 2
    assert "it returned a NoneType, expected text" in done.stdout
    assert "it answered none; --no-probe skips them" in " ".join(done.stderr.split())
    assert "turns" not in done.stdout


def test_a_description_to_begin_with_is_written(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    command = 'curl localhost:9/chat --json \'{"message": "Hi", "session_id": "x"}\''
    shown = call("simulate", "--describe", command, "--no-probe", env=env)
    assert shown.returncode == 0, shown.stderr
    assert "message: '{text}'" in shown.stdout
    file = tmp_path / "chat.yaml"
    written = call("simulate", "--describe", command, "--spec", str(file), env=env)
    assert written.returncode == 0, written.stderr
    assert "# Probe: It does not answer" in file.read_text()
    again = call("simulate", "--describe", command, "--spec", str(file), env=env)
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    wrong = call("simulate", "--describe", "chat.example.org", env=env)
    assert (wrong.returncode, "expected http://…" in wrong.stderr) == (2, True)
