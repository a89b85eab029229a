"""A room: its people, and its acts one after the other. Bounded in all that a stranger may add to it.

Who speaks is known by a token that only their phone has; what is kept of it is its hash. Who presents is known by the
session id of the browser that opened the room. Times are seconds since then.
"""

from __future__ import annotations

import hashlib
import random
import secrets

from rag.crosstalk.room import talk
from rag.crosstalk.room.act import Act, Leak, Turn
from rag.crosstalk.room.people import Person, person
from rag.errors import CrosswireError

MOST_PEOPLE, MOST_JOINED = 60, 200
"""In it, and in all: whoever was sent out makes room for another one."""
MOST_TURNS, MOST_TURNS_IN_ALL = 1500, 6000
"""Of an act, and of a room."""
MOST_ACTS = 20
HELLO_FIRST = 428
AWAY = 12.0
"""Seconds without a sign of a phone after which it is said to have left."""
OPEN_SECONDS = 2 * 3600.0
IDLE_SECONDS = 30 * 60.0
"""Without a question. The room ends then, as it does after OPEN_SECONDS."""
UNUSED_SECONDS = 120.0
"""In which nobody has come and no wall is open: such a room gives way where there is no place for a further one."""
KEPT_SECONDS = 30 * 60.0
"""For which its report can be had after its end."""
WRONG, RIGHT = "shared-buffer", "dict-with-lock"
THINKING = 0.25, 0.9
"""Seconds that the model takes: long enough for two people to meet in it."""


class RoomRefused(CrosswireError):
    """What was asked of a room is not possible. The message says why. status: as HTTP tells it."""

    def __init__(self, message: str, status: int = 409) -> None:
        self.status = status
        super().__init__(message)


class Room:
    """Not thread-safe: `rooms` holds a lock for whoever calls."""

    def __init__(self, code: str, presenter: str, memory: str, chance: random.Random | None = None) -> None:
        """chance: for tests; secrets come from the system's."""
        self.code = code
        self.presenter = presenter
        self.people: list[Person] = []
        self.acts: list[Act] = []
        self.closing: list[Act] = []
        """Those that were switched away while somebody waited for an answer."""
        self.ended: float | None = None
        self.version = 0
        """Another one whenever there is something new to see."""
        self.wrong, self.right = WRONG, RIGHT
        """The two memories that the presenter switches between."""
        self.beside = ""
        """Code of the room that is looked at beside this one."""
        self.thinking: tuple[float, float] | None = None
        self.address = ""
        """Where phones find this server, if the presenter said so."""
        self.asked_at = self.looked_at = 0.0
        self.seen_at: dict[int, float] = {}
        self._chance = chance or secrets.SystemRandom()
        self._tokens: dict[str, Person] = {}
        self._gone: set[int] = set()
        self.out: set[int] = set()
        """Numbers of those who were sent out."""
        self._mark = f"room-{code}"
        self._begin(memory, 0.0)

    @property
    def act(self) -> Act:
        return self.acts[-1]

    @property
    def due(self) -> float | None:
        """When the next step of any turn is to be played."""
        return min((act.due for act in (*self.closing, self.act) if act.due is not None), default=None)

    @property
    def expires(self) -> float:
        if self.ended is not None:
            return self.ended + KEPT_SECONDS
        return min(OPEN_SECONDS, self.asked_at + IDLE_SECONDS)

    def unused(self, now: float) -> bool:
        return not self.people and now - self.looked_at > UNUSED_SECONDS

    # --- phones

    def join(self, now: float) -> tuple[str, Person]:
        """A new person, with the token that this phone speaks with from here on. Raises RoomRefused."""
        self._must_be_open()
        if len(self.people) - len(self.out) >= MOST_PEOPLE:
            raise RoomRefused(f"This room is full: {MOST_PEOPLE} people are in it.")
        if len(self.people) >= MOST_JOINED:
            raise RoomRefused(f"{MOST_JOINED} people have been in this room: the presenter can open another one.")
        token = secrets.token_urlsafe(32)
        someone = person(len(self.people), self._chance)
        self.people.append(someone)
        self._tokens[_hash(token)] = someone
        self.saw(someone, now)
        self.version += 1
        return token, someone

    def who(self, token: str) -> Person:
        """Raises RoomRefused."""
        found = self._tokens.get(_hash(token))
        if found is None:
            raise RoomRefused("This phone is not in this room: open its address again.", 401)
        if found.number in self.out:
            raise RoomRefused("The presenter has sent this phone out of the room.", 403)
        return found

    def saw(self, someone: Person, now: float) -> None:
        """A sign of this phone."""
        self.seen_at[someone.number] = now

    def watch(self, now: float) -> None:
        """Note who has left since somebody looked last."""
        self.looked_at = now
        gone = {number for number, at in self.seen_at.items() if now - at > AWAY}
        if gone != self._gone:
            self._gone = gone
            self.version += 1

    def away(self, someone: Person, now: float) -> bool:
        return now - self.seen_at.get(someone.number, -AWAY) > AWAY

    def greet(self, token: str, now: float) -> Turn:
        """Say hello to this memory and tell it one's secret, once. Raises RoomRefused."""
        someone = self._speaker(token, now)
        if self.act.knows(someone):
            raise RoomRefused("This memory knows you already: ask it something.")
        return self.act.greet(someone, now)

    def ask(self, token: str, key: str, text: str, now: float) -> Turn:
        """key: of a question that is offered; empty: text is asked. Raises RoomRefused, BadRoomQuestion."""
        question = talk.asked(key, text)
        someone = self._speaker(token, now)
        if not self.act.knows(someone):
            raise RoomRefused("Say hello first: the memory is a new one.", HELLO_FIRST)
        return self.act.ask(someone, question, now)

    def _speaker(self, token: str, now: float) -> Person:
        someone = self.who(token)
        self._must_be_open()
        self.saw(someone, now)
        if someone.number in self.act.busy:
            raise RoomRefused("Wait for the answer to your last question.")
        if sum(len(act.turns) for act in self.acts) >= MOST_TURNS_IN_ALL:
            raise RoomRefused("This room has answered all that it may. The presenter can open another one.")
        if len(self.act.turns) >= MOST_TURNS:
            raise RoomRefused("This memory has answered all that it may. The presenter can switch to another one.")
        self.asked_at = now
        self.version += 1
        return someone

    # --- the presenter

    def switch(self, memory: str, now: float) -> None:
        """From here on another memory, with nothing in it. What was asked before is still answered by the one before.

        Raises RoomRefused, UnknownMemory.
        """
        self._must_be_open()
        if len(self.acts) >= MOST_ACTS:
            raise RoomRefused(f"A room has at most {MOST_ACTS} acts: end it, and open another one.")
        before = self.act
        self._begin(memory, now)
        self.closing.append(before)
        self._settle(now)

    def send_out(self, number: int) -> None:
        """This phone is not heard any more. What it said stays in the memories that it told. Raises RoomRefused."""
        self._must_be_open()
        if not 0 <= number < len(self.people):
            raise RoomRefused("Nobody of that number is in this room.", 404)
        self.out.add(number)
        self.version += 1

    def end(self, now: float) -> None:
        """No more questions; those under way are given up."""
        if self.ended is None:
            self.ended = now
            for act in (*self.closing, self.act):
                act.close(now)
            self.closing.clear()
            self.version += 1

    def play(self, now: float) -> list[Turn]:
        """Every step that is due. Returns the turns that ended."""
        if self.ended is not None:
            return []
        ended = [turn for act in (*self.closing, self.act) for turn in act.play(now)]
        self.version += bool(ended)
        self._settle(now)
        return ended

    def leaks_of(self, someone: Person) -> list[Leak]:
        """Who was shown this person's secret in this act."""
        return [leak for leak in self.act.leaks if leak.owner == someone.number]

    def _begin(self, memory: str, now: float) -> None:
        self.acts.append(Act(memory, f"{self._mark}-{len(self.acts) + 1}", now, self._latency))
        self.version += 1

    def _latency(self) -> float:
        return self._chance.uniform(*(self.thinking or THINKING))

    def _settle(self, now: float) -> None:
        for act in [act for act in self.closing if not act.busy]:
            self.closing.remove(act)
            act.close(now)

    def _must_be_open(self) -> None:
        if self.ended is not None:
            raise RoomRefused("This room has ended.", 410)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
