"""Make the matrix: `python -m tests.audit.matrix [ROW…] [--only LEVEL|CHECK…]`; a row by a part of its name, else all.

Writes docs/audit.json, docs/audit.md and docs/audit/: one reproduction a failure, each of which was seen to fail where
Crosswire is not there. With --only the row's other cells stay as they are. With --again nothing is audited: the
reproductions that are there are run, and those that do not fail are named.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rag.audit.checks import CHECKS, Check
from rag.audit.report.reproduction import name_of_test
from rag.audit.results import Audit, Outcome
from rag.audit.run.session import audit, selected
from rag.errors import CrosswireError
from tests.audit.matrix.modules import with_modules
from tests.audit.matrix.rows import ROWS, Row
from tests.audit.matrix.table import page, with_head
from tests.crosstalk.run.postgres import Postgres
from tests.servers import Server

DOCS = Path("docs")
ENVIRONMENTS = Path(".crosswire/matrix")
LAST_STEPS = 20
"""Of a replay, that are kept."""
MARK = "Wrong"
"""What a reproduction fails with, and nothing else."""
SLOWEST = 180
"""Seconds that one may take."""


def interpreter(row: Row) -> str:
    """The Python of its environment, made if it is not there."""
    if not row.install:
        return sys.executable
    home = ENVIRONMENTS / row.slug
    python = home / "bin" / "python"
    if not (home / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "pytest", *row.install], check=True)
        (home / "done").touch()
    return str(python.absolute())


@contextmanager
def server(kind: str) -> Iterator[None]:
    """A server of its own for the row, told by the environment."""
    with ExitStack() as stack:
        if kind == "redis":
            os.environ["AUDIT_REDIS_URL"] = stack.enter_context(Server(tcp=True)).url
        elif kind == "modules":
            os.environ["AUDIT_REDIS_URL"] = stack.enter_context(with_modules(ENVIRONMENTS / "redis-with-modules"))
        elif kind == "postgres":
            os.environ["AUDIT_POSTGRES_URL"] = stack.enter_context(Postgres()).url
        yield


def audited(row: Row, checks: list[Check]) -> Audit:
    """Its audit, with each reproduction tried where Crosswire is not installed."""
    python = interpreter(row)
    with server(row.server):
        running = audit(row.target, checks, python)
        for outcome in running:
            print(f"  {outcome.id}: {outcome.status} {outcome.evidence[:100]}", file=sys.stderr)  # noqa: T201
        for outcome in running.result.outcomes:
            if outcome.status == "fail" and not reproduced(row, outcome, python):
                outcome.status = "unknown"
                outcome.evidence = f"Seen, but its reproduction does not fail by itself: {outcome.evidence}"
    return running.result


def shortened(audit: Audit) -> Audit:
    """Without the long replays: the end of one is where it went wrong, and the reproduction has all."""
    for outcome in audit.outcomes:
        outcome.replay = outcome.replay[-LAST_STEPS:] if outcome.status == "fail" else []
    return audit


def reproduced(row: Row, outcome: Outcome, python: str) -> bool:
    """Whether its reproduction is red where nothing of ours can be imported. It is kept if so."""
    file = DOCS / "audit" / row.slug / f"{name_of_test(outcome.id)}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(outcome.reproduction, encoding="utf-8")
    red = is_red(file, python)
    if not red:
        file.unlink()
    outcome.reproduction = str(file.relative_to(DOCS)) if red else ""
    return red


def is_red(file: Path, python: str) -> bool:
    """Whether this test fails with what it asserts, where nothing of ours can be imported."""
    whole = file.resolve()
    bare = ("-c", os.devnull, f"--rootdir={whole.parent}")  # not with this project's settings
    command = [python, "-I", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *bare, str(whole)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SLOWEST, cwd=whole.parent)
    red = ran.returncode == 1 and f"{MARK}: " in ran.stdout
    if not red:
        print(ran.stdout[-2000:], ran.stderr[-500:], file=sys.stderr)  # noqa: T201
    return red


def again(parts: list[str], only: list[str]) -> int:
    """How many of the reproductions that are there do not fail."""
    wanted = {f"{name_of_test(check.id)}.py" for check in selected(only)}
    green = 0
    for row in asked_for(parts):
        files = [file for file in sorted((DOCS / "audit" / row.slug).glob("test_*.py")) if file.name in wanted]
        python = interpreter(row) if files else ""
        with server(row.server if files else ""):
            for file in files:
                red = is_red(file, python)
                green += not red
                print(f"{'fails' if red else 'DOES NOT FAIL'}: {file}", flush=True)  # noqa: T201
    return green


def joined(old: dict[str, Any] | None, new: Audit) -> Audit:
    """The new one, with the old outcomes of what was not tried again."""
    came = {each.id: each for each in (*(Audit.from_dict(old).outcomes if old else ()), *new.outcomes)}
    new.outcomes = [came[name] for name in CHECKS if name in came]
    return new


def asked_for(parts: list[str]) -> list[Row]:
    return [row for row in ROWS if not parts or any(part.lower() in row.name.lower() for part in parts)]


def main(parts: list[str], only: list[str]) -> None:
    (DOCS / "audit").mkdir(exist_ok=True)
    place, checks = DOCS / "audit.json", selected(only)
    kept = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    for row in asked_for(parts):
        print(row.name, file=sys.stderr)  # noqa: T201
        for check in checks:
            (DOCS / "audit" / row.slug / f"{name_of_test(check.id)}.py").unlink(missing_ok=True)
        try:
            kept[row.name] = joined(kept.get(row.name), shortened(audited(row, checks))).to_dict()
        except (CrosswireError, subprocess.CalledProcessError) as exc:  # the other rows are worth having
            print(f"{row.name}: {exc}", file=sys.stderr)  # noqa: T201
            kept.pop(row.name, None)
        place.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    kept = {row.name: kept[row.name] for row in ROWS if row.name in kept}
    place.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (DOCS / "audit.md").write_text(page(kept), encoding="utf-8")
    readme = Path("README.md")
    readme.write_text(with_head(readme.read_text(encoding="utf-8"), kept), encoding="utf-8")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(prog="python -m tests.audit.matrix")
    asked.add_argument("rows", nargs="*")
    asked.add_argument("--only", nargs="+", default=[])
    asked.add_argument("--again", action="store_true")
    given = asked.parse_args()
    if given.again:
        sys.exit(min(again(given.rows, given.only), 1))
    main(given.rows, given.only)
