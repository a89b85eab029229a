"""Whoever serves the turns of a run: a strategy in this process, strategies in several ones (see `processes`), or a
black box. A host is driven from many threads; each call serves one turn and says how that ended.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from rag.crosstalk.log.events import Document, Event, Message, Prompt, Retrieved
from rag.crosstalk.run.conversation import OWN
from rag.crosstalk.run.liveness import said
from rag.crosstalk.run.model import Model
from rag.crosstalk.run.workload import Planned
from rag.crosstalk.strategies import Asked, Lab, Strategy, make
from rag.errors import CrosswireError, TurnBusy, TurnLost

PHASES = ("wait", "load", "retrieve", "ask", "save")
Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Served:
    """How a turn ended. `fail`: it surely had no effect; `info`: nobody knows. phases: seconds. completion: as in the
    log's Ok."""

    end: Literal["ok", "fail", "info"]
    text: str
    phases: dict[str, float] = field(default_factory=dict)
    completion: str | None = None


class Host(Protocol):
    def process(self, turn: Planned) -> int:
        """The number of the process that is going to serve it."""
        ...

    def serve(self, turn: Planned, passages: Sequence[Document]) -> Served: ...

    def history(self, session: str) -> Sequence[Message] | None:
        """What is stored of it; None where nobody can tell. Raises whatever reading it raises."""
        ...

    def restart(self) -> None: ...

    def forget(self, sessions: Sequence[str]) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Deletion:
    """A session's conversation that a user asked to have deleted. by: whose session asked. at: by the monotonic clock.
    answered, gone: as in the log's Delete."""

    by: str
    session: str
    at: float
    answered: str
    gone: bool | None = None


class Target(Protocol):
    """A black box: whatever answers a text in a session. Thread-safe. What it need not do is done here for those that
    are derived from this."""

    name: str
    streams: bool = False
    """Whether an answer has come in parts."""

    @property
    def note(self) -> str:
        """What a report should say of how it was asked, in a line; empty: nothing."""
        return ""

    @property
    def deletions(self) -> Sequence[Deletion]:
        return ()

    def call(self, session_id: str, text: str) -> str:
        """Raises CrosswireError or anything else."""
        ...

    def expect(self, sessions: Sequence[str], scene: str = OWN, facts: Mapping[str, str] | None = None) -> bool:
        """Whose sessions will come, how they meet, and a fact of each; whether it passes those on.

        Raises BadTarget where it has not so many credentials, and CrosswireError where it cannot play that scene.
        """
        del sessions, facts
        if scene != OWN:
            raise CrosswireError(
                f"{self.name} cannot play the scene {scene}: it is called, and has no login. Name an address."
            )
        return False

    def forget(self, sessions: Iterable[str]) -> None:
        """Let go of what it keeps to speak for these."""
        del sessions

    def close(self) -> None: ...


class Stopped(BaseException):
    """The run was stopped, or the user went away, while the model was thinking."""


class StrategyHost:
    """One strategy instance for all threads, as one process of a service has."""

    def __init__(
        self, name: str, lab: Lab, model: Model, window: int | None, stop: threading.Event, emit: Emit
    ) -> None:
        self._name = name
        self._lab = lab
        self._model = model
        self._window = window
        self._stop = stop
        self._emit = emit
        self._strategy = make(name, lab)
        self._reopened: Lab | None = None

    def process(self, turn: Planned) -> int:
        del turn
        return 0

    def serve(self, turn: Planned, passages: Sequence[Document] = ()) -> Served:
        driven, made = _Driven(turn), list[str]()
        try:
            served = driven.drive(self._strategy, self._asked(turn, passages, made), self._stop)
            return replace(served, completion=made[-1]) if made and made[-1] != served.text else served
        except Stopped:
            return Served("info", "stopped", driven.phases)
        except (TurnBusy, TurnLost) as exc:
            return Served("fail", str(exc), driven.phases)
        except Exception as exc:  # a strategy may go wrong in any way, and that is a result
            return Served("info" if driven.saving else "fail", said(exc), driven.phases)

    def history(self, session: str) -> Sequence[Message]:
        return self._strategy.history(session)

    def restart(self) -> None:
        self.close()
        # Connections and caches of its own, as a new process has; the lab's may be somebody else's too.
        self._reopened = self._lab.again()
        self._strategy = make(self._name, self._reopened)

    def forget(self, sessions: Sequence[str]) -> None:
        self._strategy.forget(sessions)

    def close(self) -> None:
        self._strategy.close()
        if self._reopened is not None:
            self._reopened.close()

    def _asked(self, turn: Planned, passages: Sequence[Document], made: list[str]) -> Asked:
        """made: gets what the model answers."""

        def ask(messages: Sequence[Message]) -> str:
            prompt = shown(messages, passages, self._window)
            self._emit(Prompt(turn.op, tuple(prompt)))
            if self._stop.wait(turn.wait) if turn.wait else self._stop.is_set():
                raise Stopped
            made.append(self._model(prompt))
            return made[-1]

        def retrieved(documents: Sequence[Document]) -> None:
            self._emit(Retrieved(turn.op, tuple(documents)))

        return Asked(turn.op, turn.user, turn.session, turn.text, ask, retrieved)


class _Driven:
    """One turn on its way through a strategy."""

    def __init__(self, turn: Planned) -> None:
        self.turn = turn
        self.phases: dict[str, float] = {}
        self.saving = False
        """Whether a step has begun that may have stored something."""

    def drive(self, strategy: Strategy, asked: Asked, stop: threading.Event) -> Served:
        steps, taken, phase, begun = strategy.turn(asked), 0, "", time.perf_counter()
        try:
            while True:
                try:
                    label = next(steps)
                except StopIteration as end:
                    return Served("ok", str(end.value), self.phases)
                finally:
                    now = time.perf_counter()
                    if phase:
                        self.phases[phase] = self.phases.get(phase, 0.0) + now - begun
                    begun = now
                if stop.is_set():
                    return Served("info", "stopped", self.phases)
                if taken == self.turn.gives_up:
                    return Served("info", f"cancelled before: {label}", self.phases)
                taken += 1
                first = label.split(" ", 1)[0].rstrip(":")
                phase = first if first in PHASES else "load"
                self.saving = self.saving or phase == "save"
        finally:
            steps.close()


class TargetHost:
    """A black box in the place of a strategy. It keeps what it stored for itself."""

    def __init__(self, target: Target, stop: threading.Event) -> None:
        self._target = target
        self._stop = stop

    def process(self, turn: Planned) -> int:
        del turn
        return 0

    def serve(self, turn: Planned, passages: Sequence[Document] = ()) -> Served:
        del passages
        if self._stop.is_set():
            return Served("fail", "stopped")
        begun = time.perf_counter()
        try:
            answer = self._target.call(turn.session, turn.text)
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # somebody else's code, which may call sys.exit even
            return Served("fail" if getattr(exc, "no_effect", False) else "info", said(exc))
        return Served("ok", answer, {"ask": time.perf_counter() - begun})

    def history(self, session: str) -> None:
        del session

    def restart(self) -> None:
        raise CrosswireError("A target cannot be restarted from here: restart it yourself, or choose a strategy.")

    def forget(self, sessions: Sequence[str]) -> None:
        self._target.forget(sessions)

    def close(self) -> None:
        self._target.close()


def shown(messages: Sequence[Message], passages: Sequence[Document], window: int | None) -> list[Message]:
    """The prompt: what was found in the library, then the newest `window` turns and the question."""
    system = [message for message in messages if message.role == "system"]
    said = [message for message in messages if message.role != "system"] if system else messages
    if window is not None and len(said) > 2 * window + 1:
        said = said[-(2 * window + 1) :]
    found = [Message("system", "\n".join(document.text for document in passages))] if passages else []
    return [*found, *system, *said]
