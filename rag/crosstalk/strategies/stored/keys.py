"""What strategies with a key for each session in Redis have in common: how it is called, and that it is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rag.crosstalk.strategies.base import Strategy

BATCH = 1000


class RedisKeyed(Strategy):
    """part: of the keys' names."""

    part: ClassVar[str]
    uses_redis = True

    def key(self, session: str) -> str:
        return f"{self.lab.prefix}{self.part}:{session}"

    def forget(self, sessions: Sequence[str]) -> None:
        """A thousand a round trip."""
        for start in range(0, len(sessions), BATCH):
            pipe = self.lab.redis.pipeline(transaction=False)
            for session in sessions[start : start + BATCH]:
                pipe.unlink(self.key(session))
            pipe.execute()
