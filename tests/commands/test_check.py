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
from tests.crosstalk.log.shapes import SHAPES
from tests.crosstalk.log.talk import IN_ANSWER, IN_PROMPT, RIGHT


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


def test_the_kind_of_an_export_is_named_and_its_verdict_is_the_exit_status(
    call: Call, env: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text(SHAPES["otel_numbered"](IN_PROMPT))
    files = [str(tmp_path / name) for name in ("r.json", "r.xml", "r.html", "test_it.py")]
    options = ("--json", files[0], "--junit", files[1], "--html", files[2], "--pytest", files[3])
    done = call("check", str(path), *options, env=env)
    assert (done.returncode, done.stdout.startswith("OpenTelemetry GenAI spans: 8 turns.")) == (1, True), done.stderr
    told = json.loads(Path(files[0]).read_text())
    assert (told["counts"], told["log"]["kind"]) == ({"foreign-read": 1}, "OpenTelemetry GenAI spans")
    assert "Ada" in Path(files[2]).read_text() or "ada" in Path(files[2]).read_text()
    compile(Path(files[3]).read_text(), "test_it.py", "exec")


def test_an_export_in_a_pipe_without_canaries_is_unknown_and_says_what_to_do(call: Call, env: dict[str, str]) -> None:
    right = call("check", "-", env=env, typed=SHAPES["langfuse_traces"](RIGHT))
    assert (right.returncode, "suspected" in right.stdout.lower()) == (2, False), right.stderr
    assert all(word in " ".join(right.stdout.split()) for word in ("Langfuse export", "`plants`", "docs/log-format.md"))
    hinted = call("check", "-", env=env, typed=SHAPES["langsmith_openai"](IN_ANSWER))
    told = " ".join(hinted.stdout.split())
    assert (hinted.returncode, "Suspected, not certain: " in told, "Ben's turn 3 mentions" in told) == (2, True, True)


def test_the_format_is_told(call: Call, env: dict[str, str]) -> None:
    done = call("check", "--keys", env=env)
    assert (done.returncode, done.stdout.startswith("# Logs that can be checked")) == (0, True), done.stderr


def test_a_file_of_another_kind_gets_one_line(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("session,user,text\na,ada,hello\n")
    done = call("check", str(table), env=env)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert all(word in done.stderr for word in ("table.csv", "CSV", "operation log", "Langfuse", "docs/log-format.md"))
