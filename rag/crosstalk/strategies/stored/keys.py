"""Deleting what a strategy left in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BATCH = 1000


def unlink(client: Any, names: Sequence[str]) -> None:
    """Delete these keys, a thousand a round trip."""
    for start in range(0, len(names), BATCH):
        pipe = client.pipeline(transaction=False)
        for name in names[start : start + BATCH]:
            pipe.unlink(name)
        pipe.execute()
