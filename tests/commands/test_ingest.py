"""Ingest: broken files are named and skipped, unchanged ones cost nothing, and the app may run meanwhile."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from rag.knowledge import open_library
from rag.settings import load
from tests.commands.running import Call, rag


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.md").write_text("# Boots\n\nThe Heron boot is resoled for 60 pounds.\n")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnot a PDF at all")
    (tmp_path / "empty.md").touch()
    return tmp_path


def test_a_broken_file_is_named_and_the_rest_goes_on(call: Call, env: dict[str, str], folder: Path) -> None:
    first = call("ingest", str(folder), env=env)
    assert first.returncode == 1
    assert first.stdout == "1 added, 0 changed, 0 unchanged, 0 removed, 2 skipped.\n"
    assert sorted(line.split(":")[0] for line in first.stderr.splitlines() if line) == ["broken.pdf", "empty.md"]
    assert "Traceback" not in first.stderr

    (folder / "broken.pdf").unlink()
    (folder / "empty.md").write_text("# Socks\n\nSocks cannot be returned once worn.\n")
    (folder / "good.md").unlink()
    second = call("ingest", str(folder), "--prune", env=env)
    assert (second.returncode, second.stderr.strip()) == (0, "")
    assert second.stdout == "1 added, 0 changed, 0 unchanged, 1 removed, 0 skipped.\n"


def test_while_another_process_has_the_library_it_goes_there_and_is_seen_at_once(
    env: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "broken.pdf").unlink()
    (folder / "empty.md").unlink()
    monkeypatch.setenv("STATE_DIR", env["STATE_DIR"])
    with closing(open_library(load())) as library:
        run = rag("ingest", str(folder / "good.md"), env=env)
        assert (run.returncode, run.stderr.strip()) == (0, "")
        assert "1 added" in run.stdout
        assert "60 pounds" in library.search("What does it cost to resole the Heron boot?")[0].text
