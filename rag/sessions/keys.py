"""The names of a session's keys. Different ids never share one.

| key                     | type       | holds                                                      |
|-------------------------|------------|------------------------------------------------------------|
| `chat_history:{<tag>}`  | List       | one JSON object a message, oldest first                    |
| `session:{<tag>}`       | Hash       | created, seen, turns, title, model, commit                 |
| `turn:{<tag>}`          | String     | the turn lock: the holder's fencing token, with expiry     |
| `sessions:live`         | Sorted set | session id by last activity                                |
| `audit`                 | Stream     | capped: what was done to which session                     |

The braces are a cluster hash tag, so that all keys of a session are on one shard. Braces inside an id would end the
tag early, so they are written as `%7B` and `%7D`, and `%` as `%25`: that has an inverse, so it folds no two ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from rag.sessions.ids import SessionId

DEFAULT_PREFIX = "chat_history:"
_ESCAPES = str.maketrans({"%": "%25", "{": "%7B", "}": "%7D"})


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names under one history prefix. Other prefixes than the default keep their own sessions apart from ours."""

    prefix: str = DEFAULT_PREFIX

    def history(self, session_id: SessionId) -> str:
        return f"{self.prefix}{{{tag(session_id)}}}"

    def session(self, session_id: SessionId) -> str:
        return f"{self._space}session:{{{tag(session_id)}}}"

    def turn(self, session_id: SessionId) -> str:
        return f"{self._space}turn:{{{tag(session_id)}}}"

    @property
    def live(self) -> str:
        return f"{self._space}sessions:live"

    @property
    def audit(self) -> str:
        return f"{self._space}audit"

    @property
    def _space(self) -> str:
        return "" if self.prefix == DEFAULT_PREFIX else self.prefix


def tag(session_id: SessionId) -> str:
    return session_id.translate(_ESCAPES)
