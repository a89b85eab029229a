"""The four beliefs that people hold of chat memories, and the three classic mistakes: one record each.

What is asked has no answer here: `measure` finds it each time, on the machine of whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from rag.crosstalk.beliefs.crowds import FORGOTTEN, OVERWRITTEN, RIGHT, SHOWN, crowd
from rag.crosstalk.beliefs.interleavings import TABS, every_order
from rag.crosstalk.beliefs.knee import knee
from rag.crosstalk.beliefs.results import Bench, Measured
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.run.workload import Workload
from rag.resources import BELIEFS as FOLDER

USERS = Scene()


@dataclass(frozen=True, slots=True)
class Code:
    """A file of `rag.resources.BELIEFS`, and the strategy that has its idea."""

    file: str
    strategy: str

    @property
    def text(self) -> str:
        """Blank lines are single: two listings stand side by side."""
        return (FOLDER / f"{self.file}.py").read_text(encoding="utf-8").rstrip().replace("\n\n\n", "\n\n")


@dataclass(frozen=True, slots=True)
class Belief:
    """claim: as people say it. asks: with yes or no. why: what was measured comes of, told afterwards.

    played: a scene and a schedule of the race lab that show it on the wrong strategy; None where it takes more than one
    process.
    """

    id: str
    kind: Literal["belief", "mistake"]
    claim: str
    asks: str
    why: str
    measure: Callable[[Bench], Measured]
    wrong: Code
    right: Code = Code("whole_turn", RIGHT)
    played: tuple[Scene, str] | None = None


BELIEFS = {
    belief.id: belief
    for belief in (
        Belief(
            "one-memory",
            "belief",
            "One shared memory serves all",
            "30 people talk to one memory object, made when the app starts. Is each of them shown only what is theirs?",
            "The memory knows no sessions: each prompt holds what everybody has said. No race is needed for that.",
            partial(crowd, wrong="shared-buffer", workload=Workload(30), asked=SHOWN),
            Code("one_memory", "shared-buffer"),
            played=(USERS, "AAAABBBB"),
        ),
        Belief(
            "in-memory",
            "belief",
            "In memory is enough",
            "20 people have a history each, in a dict of the process. It restarts, as with each deployment. "
            "Does everybody's next prompt still hold what they said?",
            "What is in a process ends with it. A store outside of it is there for the next one.",
            partial(crowd, wrong="dict-per-session", workload=Workload(20, 4, restart=True), asked=FORGOTTEN),
            Code("process_dict", "dict-per-session"),
        ),
        Belief(
            "one-user",
            "belief",
            "One user's requests cannot race",
            "One user, two tabs, a question in each at the same time. Can the two turns get in each other's way?",
            "A turn loads, asks the model and saves, and takes seconds. A second tab, a double click or a retry comes "
            "in between. A turn that holds its session leaves only one order at a time.",
            partial(every_order, wrong="lesson-list", right="lesson-turn-lock"),
            Code("pushed_apart", "lesson-list"),
            Code("whole_turn", "lesson-turn-lock"),
            played=(TABS, "AAABBBBA"),
        ),
        Belief(
            "one-server",
            "belief",
            "One server holds millions",
            "A million people ask one question a minute each. Can this server's process answer them all?",
            "A process has a knee: past it, more people get no more answers, and all wait longer. Keep sessions in a "
            "store that every server can reach, and add servers.",
            partial(knee, million=1_000_000, seconds_apart=60.0),
            Code("locked_in_process", "dict-with-lock"),
        ),
        Belief(
            "one-context",
            "mistake",
            "All in one context",
            "Histories are kept by session id, but every call still uses the example's: “default”. 30 people talk to "
            "it. Is anybody shown somebody else's data?",
            "One id for all is one context for all. An id comes from a signed cookie or a login, and has no default.",
            partial(crowd, wrong="constant-session-id", workload=Workload(30), asked=SHOWN, holds=True),
            Code("default_id", "constant-session-id"),
            Code("id_required", RIGHT),
            played=(USERS, "AAABBB"),
        ),
        Belief(
            "not-persisted",
            "mistake",
            "Nothing persisted",
            "Two processes serve 20 people in turn, each with histories in its own memory, under a lock. "
            "Does every prompt hold what was said before?",
            "Each process knows the half that it has served itself; its lock reaches no further, either.",
            partial(crowd, wrong="dict-with-lock", workload=Workload(20, processes=2), asked=FORGOTTEN),
            Code("locked_in_process", "dict-with-lock"),
        ),
        Belief(
            "load-append-save",
            "mistake",
            "Load, append, save, without a lock",
            "Histories are in Redis: GET, append the turn, SET. 10 people have two tabs each, and ask in both. "
            "Are all the turns that were answered still stored?",
            "Both tabs read the same value, and the second SET replaces what the first one stored.",
            partial(crowd, wrong="redis-get-set", workload=Workload(10, tabs=2), asked=OVERWRITTEN),
            Code("load_append_save", "redis-get-set"),
            played=(TABS, "AABBBA"),
        ),
    )
}
