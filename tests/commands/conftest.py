"""A state folder and a small folder of articles that all tests of a module share, so that they are read once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.running import Call, caller, environment


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("articles")
    (folder / "returns.md").write_text("# Returns\n\nYou can return an unworn item within 45 days of delivery.\n")
    (folder / "tents.md").write_text("# Tents\n\nThe Kestrel tent weighs 2.4 kg and sleeps two people.\n")
    return folder


@pytest.fixture(scope="module")
def env(articles: Path) -> Iterator[dict[str, str]]:
    # Not tmp_path: a Unix socket's path may have about 100 characters.
    # A server of a command that was killed may still be writing when the folder goes.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield environment(Path(folder) / "state", KNOWLEDGE_DIR=str(articles))


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(monkeypatch, capsys)
