"""Memories that were made to be explored: bugs that were planted deep, and redis-turn with holders that fail."""

from __future__ import annotations

from functools import partial

from rag.crosstalk.strategies.base import Asked, Lab, Message, PerSession, Steps, Strategy, Wait, pair, question
from rag.crosstalk.strategies.plain_messages import langchain, plain
from rag.crosstalk.strategies.stored.redis_turn import WAIT, RedisTurn
from rag.sessions import SessionId
from rag.sessions.turns.lease import HEARTBEAT

STEPS = 12


class Long(Strategy):
    """Twelve steps a turn. hidden: the step between which and the next one a counter is read and written; None: right.

    Whoever reads the counter before another one wrote it writes the other one's turn away.
    """

    name = "long"
    lesson = ""
    in_process = True

    def __init__(self, lab: Lab, hidden: int | None) -> None:
        super().__init__(lab)
        self.hidden = hidden
        self.stored: dict[str, list[Message]] = {}
        self.kept: dict[str, list[Message]] = {}

    def turn(self, asked: Asked) -> Steps:
        copy = None
        for step in range(STEPS):
            yield f"step {step}"
            if step == self.hidden:
                copy = dict(self.stored)
            if self.hidden is not None and step == self.hidden + 1 and copy is not None:
                answer = asked.ask([*copy.get(asked.session, []), question(asked)])
                self.stored = {**copy, asked.session: [*copy.get(asked.session, []), *pair(asked, answer)]}
        if self.hidden is None:
            answer = asked.ask([question(asked)])
            self.stored[asked.session] = list(pair(asked, answer))
        return answer

    def history(self, session: str) -> list[Message]:
        return list(self.stored.get(session, []))


class Looking(PerSession):
    """Reads a variable that its code never names again."""

    name = "looking"

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.histories[asked.session])
        yield "ask"
        answer = asked.ask([*locals()["history"], question(asked)])
        yield "save turn"
        self.histories[asked.session].extend(pair(asked, answer))
        return answer


class Handing(PerSession):
    """Hands a variable to what the scheduler asks, and then does not read it any more."""

    name = "handing"

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        first = not self.histories[asked.session]
        yield Wait("ask", partial(self._ready, asked.session, first))
        answer = asked.ask([*self.histories[asked.session], question(asked)])
        yield "save question"
        self.histories[asked.session].append(question(asked))
        yield "save answer"
        self.histories[asked.session].append(pair(asked, answer)[1])
        return answer

    def _ready(self, session: str, first: bool) -> bool:
        return first or len(self.histories[session]) > 1


class Stacking(PerSession):
    """Keeps what it has loaded on the interpreter's stack alone."""

    name = "stacking"

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        answer = asked.ask([*list(self.histories[asked.session]), *((yield "ask") or ()), question(asked)])
        for message in pair(asked, answer):
            yield "save"
            self.histories[asked.session].append(message)
        return answer


class Failing(PerSession):
    """Refuses everybody: before its first step, or at the end of a turn."""

    name = "failing"

    def __init__(self, lab: Lab, *, at_once: bool) -> None:
        super().__init__(lab)
        self.at_once = at_once

    def turn(self, asked: Asked) -> Steps:
        if self.at_once:
            raise ValueError("no\nservice")
        yield "load"
        asked.ask([*self.histories[asked.session], question(asked)])
        raise ValueError("no\nservice")


class Stepless(PerSession):
    """Answers before it comes to a step."""

    name = "stepless"

    def turn(self, asked: Asked) -> Steps:
        answer = asked.ask([*self.histories[asked.session], question(asked)])
        self.histories[asked.session].extend(pair(asked, answer))
        yield from ()
        return answer


class Looker(PerSession):
    """Waits by looking again and again. freed: whether a turn lets the next one in."""

    name = "looker"

    def __init__(self, lab: Lab, *, freed: bool) -> None:
        super().__init__(lab)
        self.freed = freed
        self.held = False

    def turn(self, asked: Asked) -> Steps:
        yield "look"
        while self.held:
            yield "look again"
        self.held = True
        yield "ask"
        answer = asked.ask([*self.histories[asked.session], question(asked)])
        self.histories[asked.session].extend(pair(asked, answer))
        self.held = not self.freed
        return answer


class _Unseen:
    def __init__(self) -> None:
        self.newest = 0

    def __getstate__(self) -> None:
        return None


class Hiding(PerSession):
    """Loses the turn of whom another one came after, and does not let pickle see who that was."""

    name = "hiding"

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.last = _Unseen()

    def turn(self, asked: Asked) -> Steps:
        yield "begin"
        self.last.newest = asked.op
        yield "ask and save"
        answer = asked.ask([*self.histories[asked.session], question(asked)])
        if self.last.newest == asked.op:
            self.histories[asked.session].extend(pair(asked, answer))
        return answer


class Crossed(Strategy):
    """Two locks, taken in another order by every second turn."""

    name = "crossed"
    lesson = ""
    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.held: set[str] = set()
        self.stored: dict[str, list[Message]] = {}

    def turn(self, asked: Asked) -> Steps:
        first, second = ("history", "index") if asked.op % 2 else ("index", "history")
        yield Wait(f"wait for {first}", lambda: first not in self.held)
        self.held.add(first)
        yield Wait(f"wait for {second}", lambda: second not in self.held)
        self.held.add(second)
        answer = asked.ask([question(asked)])
        self.stored[asked.session] = list(pair(asked, answer))
        self.held -= {first, second}
        return answer

    def history(self, session: str) -> list[Message]:
        return list(self.stored.get(session, []))


class Late(RedisTurn):
    """Whoever wants the session finds that its holder's lease has ended; the holder comes back later."""

    def turn(self, asked: Asked) -> Steps:
        steps = super().turn(asked)
        next(steps)
        yield "the lease ends; load"
        self.lease_ends(asked.session)
        return (yield from steps)

    def lease_ends(self, session: str) -> None:
        self.lab.redis.delete(self.store.protocol.keys.of(SessionId(session)).turn)


class Mortal(Late):
    """A turn that is given up frees nothing, as when its process was killed. After that its lease ends."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.dead = False

    def turn(self, asked: Asked) -> Steps:
        yield Wait("wait and load", lambda: self.dead or self.free(asked.session))
        if self.dead:
            self.lease_ends(asked.session)
        holding = self.store.turn(asked.session, wait=WAIT)
        turn = holding.__enter__()
        try:
            yield "ask"
            answer = asked.ask([*plain(turn.messages), question(asked)])
            yield "save turn"
            turn.commit(langchain(pair(asked, answer)))
        except GeneratorExit:
            self.dead = True
            for held in [*HEARTBEAT._turns.values()]:
                held.lost = True  # so that nothing is freed
                HEARTBEAT.drop(held)
            raise
        holding.__exit__(None, None, None)
        return answer
