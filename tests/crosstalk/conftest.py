"""A lab of the tests' own, with one Valkey for all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.crosstalk import Lab


@pytest.fixture(scope="session")
def shared_lab() -> Iterator[Lab]:
    # Not tmp_path: a Unix socket's path may have about 100 characters. The server ends a moment after its last client.
    folder = tempfile.TemporaryDirectory(prefix="cw-lab-", ignore_cleanup_errors=True)
    with folder as name, Lab(Path(name), state_dir=Path(name)) as lab:
        yield lab


@pytest.fixture
def lab(shared_lab: Lab, tmp_path: Path) -> Lab:
    """Files of each test's own; the keys differ by run anyway."""
    return Lab(tmp_path, "test:", state_dir=shared_lab.state_dir, _opened=shared_lab._opened)
