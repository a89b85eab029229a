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
    assert "got somebody else's data" in " ".join(done.stdout.split())


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
