"""Where an answer probably is in what a chat sends, for a description that does not say it, or says it wrongly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from rag.crosstalk.targets.recognise import ANSWER_NAMES

DEEPEST = 8
MOST = 500
"""Texts of one answer that are looked at."""
_ROLES = frozenset({"type", "role", "id", "model", "object", "status", "event", "finish_reason", "created_at"})


def likely(values: Sequence[Any], question: str) -> tuple[str, ...]:
    """The paths (as in `answers`) at which there is a text, the likeliest first.

    values: one answer, or the events of a streamed one. question: what was asked, which many answers repeat.
    """
    found = defaultdict[str, list[str]](list)
    for value in values:
        for path, text in texts(value):
            found[path].append(text)
    whole = {path: "".join(parts) for path, parts in found.items()}
    return tuple(sorted((path for path, text in whole.items() if text != question), key=lambda one: _rank(one, whole)))


def texts(value: Any) -> Iterator[tuple[str, str]]:
    """The texts within, each with its path. Of a list with several entries only the last, which an answer is."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), value)]
    for _ in range(MOST):
        if not waiting:
            return
        path, here = waiting.pop(0)
        if isinstance(here, str) and here and path:
            yield ".".join(path), here
        if len(path) >= DEEPEST:
            continue
        if isinstance(here, dict):
            waiting += [((*path, str(key)), one) for key, one in here.items() if "." not in str(key)][:MOST]
        elif isinstance(here, list) and here:
            waiting.append(((*path, "0" if len(here) == 1 else "-1"), here[-1]))


def _rank(path: str, whole: dict[str, str]) -> tuple[bool, bool, int, int]:
    """Answers are sentences, at a usual name."""
    last = path.rpartition(".")[2]
    name = ANSWER_NAMES.index(last) if last in ANSWER_NAMES else len(ANSWER_NAMES)
    return last in _ROLES, " " not in whole[path].strip(), name, -len(whole[path])
