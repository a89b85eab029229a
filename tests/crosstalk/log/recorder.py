"""What all recorded shapes have in common: the time of the first turn, messages, files of lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from tests.crosstalk.log.talk import Talk

START = datetime(2025, 1, 10, 12, tzinfo=UTC)
Shape = Callable[[Sequence[Talk]], str]


def chat(turn: Talk) -> list[dict[str, str]]:
    """As OpenAI has messages."""
    return [{"role": role, "content": text} for role, text in turn.prompt]


def lines(values: Sequence[object]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)
