"""`python -m rag`, with a state folder of the test's: in a process of its own, or, much faster, called in this one."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from rag.__main__ import main
from rag.settings import Settings
from tests import PROJECT


@dataclass(frozen=True, slots=True)
class Run:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Call = Callable[..., Run]


def environment(state_dir: Path, **variables: str) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    others = {name: text for name, text in os.environ.items() if name.lower() not in Settings.model_fields}
    return {**others, "STATE_DIR": str(state_dir), "COLUMNS": "100", **variables}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rag", *arguments]


def rag(*arguments: str, env: Mapping[str, str], typed: str = "") -> Run:
    """Run one command to its end. `typed` is its standard input."""
    done = subprocess.run(
        command(*arguments), cwd=PROJECT, env=env, input=typed, capture_output=True, text=True, timeout=60
    )
    return Run(done.returncode, done.stdout, done.stderr)


def caller(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The same as `rag`, without a process."""

    def call(*arguments: str, env: Mapping[str, str], typed: str = "") -> Run:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name in os.environ.keys() - env.keys():
                patch.delenv(name)
            for name, text in env.items():
                patch.setenv(name, text)
            patch.setattr(sys, "argv", ["rag", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode()), encoding="utf-8"))
            with pytest.raises(SystemExit) as ended:
                main()
            gc.enable()  # it is off until a command is loaded
        written = capsys.readouterr()
        code = ended.value.code
        return Run(code if isinstance(code, int) else 0 if code is None else 1, written.out, written.err)

    return call
