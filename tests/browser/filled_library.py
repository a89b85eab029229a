"""The library as the application fills it at its first start, from one of them for all others of this run.

That takes two seconds of a processor each time, and tests/test_install looks at it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

VARIABLE = "CROSSWIRE_TESTS_SHARE"
"""A folder that all processes of a run share; without it, each start fills its own."""
OTHERS = ("KNOWLEDGE_DIR", "EMBEDDINGS", "CHROMA_URL")
"""Settings with which the library is another one."""


def copy(state_dir: Path, env: Mapping[str, str]) -> bool:
    """Into a state folder that has none. Whether this start should be kept for the next ones."""
    library = state_dir / "library"
    if library.exists() or VARIABLE not in os.environ or any(name in env for name in OTHERS):
        return False
    kept = Path(os.environ[VARIABLE]) / "library"
    if not kept.exists():
        return True
    shutil.copytree(kept, library)
    return False


def keep(state_dir: Path) -> None:
    folder = Path(os.environ[VARIABLE])
    made = Path(tempfile.mkdtemp(dir=folder)) / "library"
    shutil.copytree(state_dir / "library", made)
    with suppress(OSError):  # another process was quicker
        made.rename(folder / "library")
