"""Which files an ingest means, and the id of the document that each becomes. Reads names only, never contents."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.knowledge.embedding.synonyms import FILE as SYNONYMS
from rag.knowledge.parsing.limits import SUFFIXES
from rag.knowledge.types import Failure

KNOWLEDGE = "knowledge"
"""The origin of everything that came from the knowledge folder, wherever that folder is."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read. `origin` names the folder that it came from; a file named by itself has none."""

    path: Path
    document_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of one ingest, the folders that were read whole, and what cannot become a document."""

    files: tuple[Source, ...]
    folders: frozenset[str]
    failed: tuple[Failure, ...]


def collect(paths: Iterable[Path], knowledge_dir: Path) -> Sources:
    """Find the files under these paths. Hidden files and folders are left out, and the articles' synonyms."""
    files: dict[str, Source] = {}
    folders: set[str] = set()
    failed: list[Failure] = []
    for path in (Path(path).expanduser().resolve() for path in paths):
        if not path.exists():
            failed.append(Failure(str(path), f"{path}: there is no such file or folder. Check the path."))
            continue
        base, origin = _base(path, knowledge_dir)
        if path.is_dir() and (path == base):
            folders.add(origin)
        for file in _walk(path):
            source = Source(file, _document_id(file, base), origin)
            other = files.setdefault(source.document_id, source)
            if other.path != file:
                message = f"{file.name}: {other.path.name} has the same id, {other.document_id}. Rename one of them."
                failed.append(Failure(str(file), message))
    return Sources(tuple(files.values()), frozenset(folders), tuple(failed))


def _base(path: Path, knowledge_dir: Path) -> tuple[Path, str]:
    if path.is_relative_to(knowledge_dir):
        return knowledge_dir, KNOWLEDGE
    return (path, str(path)) if path.is_dir() else (path.parent, "")


def _document_id(file: Path, base: Path) -> str:
    relative = file.relative_to(base)
    known = relative.suffix.lower() in SUFFIXES
    return (relative.with_suffix("") if known else relative).as_posix()


def _walk(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and not (name == SYNONYMS and folder == str(path)):
                yield Path(folder, name)
