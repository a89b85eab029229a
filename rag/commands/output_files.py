"""Where a command writes what it found. It is looked at before the work, so that nothing is lost behind a bad path."""

from __future__ import annotations

import sys
from pathlib import Path

from rag.errors import CrosswireError

STANDARD = Path("-")
"""Standard output, for --json."""


def writable(option: str, path: Path | None) -> None:
    """Raises CrosswireError, which names the option."""
    if path is None or (path == STANDARD and option == "--json"):
        return
    if path == STANDARD:
        raise CrosswireError(f"Only --json writes to standard output (-): name a file with {option}.")
    if path.is_dir() or not path.resolve().parent.is_dir():
        reason = "it is a folder" if path.is_dir() else "there is no such folder"
        raise CrosswireError(f"{path} cannot be written: {reason}. Name another file with {option}.")


def write(option: str, path: Path | None, content: str | bytes) -> None:
    """If it is wanted. Raises CrosswireError."""
    if path is None:
        return
    data = content.encode() if isinstance(content, str) else content
    if path == STANDARD and option == "--json":
        sys.stdout.write(data.decode())
        return
    try:
        path.write_bytes(data)
    except OSError as exc:
        raise CrosswireError(f"{path} cannot be written ({exc.strerror}). Name another file with {option}.") from exc
