"""`python -m rag check`: anybody's log, from a file or a pipe, with a verdict as exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from rag.crosstalk.log.events import Invoke, Ok, to_json
from tests.commands.running import Call
from tests.crosstalk.checker.generated import World, clean, lines
from tests.crosstalk.checker.planted import PLANTS
from tests.crosstalk.checker.test_verdict import code, turns


def log(path: Path, plant: Callable[[World], object] | None = None) -> Path:
    world = World(4)
    for _ in range(10):
        clean(world)
    if plant:
        plant(world)
    path.write_text("\n".join(lines(world.events())))
    return path


def test_the_verdict_is_the_exit_status(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    right = call("check", str(log(tmp_path / "right.jsonl")), env=env)
    assert (right.returncode, "isolated" in right.stdout) == (0, True), right.stderr
    wrong = call("check", str(log(tmp_path / "wrong.jsonl", PLANTS["lost-update"])), env=env)
    assert (wrong.returncode, "lost-update" in wrong.stdout) == (1, True), wrong.stderr
    (tmp_path / "empty").write_text("")
    empty = call("check", str(tmp_path / "empty"), env=env)
    assert (empty.returncode, "the log holds no turn" in " ".join(empty.stdout.split())) == (2, True)


def test_what_is_suspected_or_forgotten_changes_no_exit_status(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    forgot = [
        *turns("ada", 0, ("enamel kettles from Porto",), "Here you are:"),
        *turns("ben", 10, ("paper kites",), "Enamel kettles from Porto?"),
        Invoke(900, "ada", "ada", 20, "And now?", expects=(code(ord("a")),)),
        Ok(900, 21, "I cannot say."),
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(to_json, forgot)))
    done = call("check", str(path), env=env)
    said = " ".join(done.stdout.split())
    assert done.returncode == 0, said
    assert "Suspected, not certain: 1 mention" in said
    assert "recalled in 67% of 3 chances" in said
    assert call("check", str(path), "--require-memory", env=env).returncode == 1


def test_reports(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    path = log(tmp_path / "log.jsonl", PLANTS["foreign-read"])
    files = [str(tmp_path / name) for name in ("r.json", "r.xml", "r.html")]
    done = call("check", str(path), "--json", files[0], "--junit", files[1], "--html", files[2], env=env)
    assert done.returncode == 1, done.stderr
    assert json.loads(Path(files[0]).read_text())["counts"]["foreign-read"] == 2
    assert "<testsuite" in Path(files[1]).read_text()
    assert "<html" in Path(files[2]).read_text()


def test_a_pipe_in_and_json_alone_out(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    done = call("check", "-", "--json", "-", env=env, typed=log(tmp_path / "log.jsonl").read_text())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "isolated"


def test_what_cannot_be_read_is_said_in_one_line(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text('{"event": "control", "canary": "LK-2222-3333-44445"}\n{"event": "ok"}\n')
    for path, said in ((broken, "Line 2 of the log cannot be used"), (tmp_path / "none", "none")):
        done = call("check", str(path), env=env)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr
