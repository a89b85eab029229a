"""What benchmarks have in common: a folder while they run, and questions."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from rag.knowledge.search.evaluation import read_questions
from rag.resources import QUESTIONS


@contextmanager
def scratch(doing: str = "") -> Iterator[tuple[Path, Callable[[str], None]]]:
    """A folder for as long as it is measured, and how to say what is being done."""
    with (
        # A server that nobody uses any more may still be writing when the folder goes.
        tempfile.TemporaryDirectory(prefix="crosswire-bench-", ignore_cleanup_errors=True) as folder,
        Console(stderr=True).status(doing) as status,
    ):
        yield Path(folder), status.update


def milliseconds(seconds: float) -> str:
    """In as few characters as say something."""
    return f"{seconds * 1e3:.2f}" if seconds < 0.1 else f"{seconds * 1e3:,.0f}"


def known_questions() -> list[str]:
    return [question.text for question in read_questions(QUESTIONS)]
