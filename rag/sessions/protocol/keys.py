"""The names of a session's keys. Different ids never share one.

| key                     | type       | holds                                                                      |
|-------------------------|------------|----------------------------------------------------------------------------|
| `chat_history:{<tag>}`  | List       | one JSON object a message, oldest first                                    |
| `session:{<tag>}`       | Hash       | created, seen, turns, title, model, epoch (changes when messages change),  |
|                         |            | trimmed (messages cut off the front), ttl (its own, 0: never), summary,    |
|                         |            | summary_turns, quarantined, v (version of its form, left out for 1),       |
|                         |            | collection (which one has its documents: another one after it was cleared) |
| `turn:{<tag>}`          | String     | the turn lock: the holder's fencing token, with expiry                     |
| `queue:{<tag>}`         | Sorted set | tokens of waiting turns, in the order in which they asked                  |
| `alive:{<tag>}`         | Sorted set | the same tokens, by when they count as dead (ms)                           |
| `quarantine:{<tag>}`    | List       | elements that were not shown: reason, time and the element, a line each    |
| `trace:{<tag>}`         | List       | how the newest turns were answered, oldest first; what is in one, says its |
|                         |            | writer                                                                     |
| `misplaced:{<tag>}:<k>` | any        | what was found under one of these names and had the wrong type             |
| `cookies:<browser>`     | String     | the first generation of a browser's cookies that counts                    |
| `limit:{<whose>}:<name>`| String     | when a token bucket is full again                                          |
| `sessions:live`         | Sorted set | session id by last activity (epoch s)                                      |
| `sessions:ends`         | Sorted set | session id by the end of its time to live (epoch s; inf: never)            |
| `sessions:find`         | Sorted set | `id:<id>` and `name:<name>\\0<id>`, in the order of their characters        |
| `sessions:counts`       | Hash       | crosstalk, quarantined: how often that was found                           |
| `probe:turn`            | String     | there until the next canary probe is due                                   |
| `probe:history`         | List       | results of the newest ones, as JSON                                        |
| `documents:due`         | Set        | ids of sessions whose documents are still to be deleted                    |
| `audit`                 | Stream     | capped: what was done to which session                                     |

The braces are a cluster hash tag, so that all keys of a session are on one shard. Braces inside an id would end the
tag early, so they are written as `%7B` and `%7D`, and `%` as `%25`: that has an inverse, so it folds no two ids.

The formats `classic` and `community` have only the list, named by prefix and id as they are.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from rag.sessions.ids import SessionId

Format = Literal["crosswire", "classic", "community"]
DEFAULT_PREFIX = "chat_history:"
_ESCAPES = str.maketrans({"%": "%25", "{": "%7B", "}": "%7D"})


class SessionKeys(NamedTuple):
    history: str
    session: str
    turn: str
    queue: str
    alive: str
    quarantine: str
    trace: str


class Keys:
    """Key names under one history prefix. Other prefixes than the default keep their own sessions apart from ours."""

    def __init__(self, prefix: str = DEFAULT_PREFIX, fmt: Format = "crosswire") -> None:
        self.prefix = prefix
        self.fmt = fmt
        self._space = space = "" if prefix == DEFAULT_PREFIX else prefix
        self.live = f"{space}sessions:live"
        self.ends = f"{space}sessions:ends"
        self.find = f"{space}sessions:find"
        self.counts = f"{space}sessions:counts"
        self.audit = f"{space}audit"
        self.documents_due = f"{space}documents:due"
        self.probe_turn, self.probe_history = f"{space}probe:turn", f"{space}probe:history"

    def of(self, session_id: SessionId) -> SessionKeys:
        name = f"{{{tag(session_id)}}}"
        return SessionKeys(self.prefix + name, *(f"{self._space}{kind}:{name}" for kind in SessionKeys._fields[1:]))

    def history(self, session_id: SessionId) -> str:
        return self.of(session_id).history if self.fmt == "crosswire" else self.prefix + session_id

    def cookies(self, browser: str) -> str:
        return f"{self._space}cookies:{browser}"

    def limit(self, whose: str, name: str) -> str:
        return f"{self._space}limit:{{{whose}}}:{name}"

    def session(self, session_id: SessionId) -> str:
        return self.of(session_id).session

    def misplaced(self, session_id: SessionId) -> list[str]:
        """Where keys of `of` go, in its order, when they hold something else."""
        return [f"{self._space}misplaced:{{{tag(session_id)}}}:{kind}" for kind in SessionKeys._fields]


def tag(session_id: SessionId) -> str:
    return session_id.translate(_ESCAPES)
