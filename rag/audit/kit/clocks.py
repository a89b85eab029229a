"""A clock that tells what it is set to, for every module that is neither of the standard library nor of the audit."""

from __future__ import annotations

import contextlib
import datetime
import sys
import time
import types
from collections.abc import Iterator
from typing import Any


class Clock:
    """`now`: seconds since 1970, as all are told. `told`: the modules that asked."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.told: set[str] = set()

    def seconds(self) -> float:
        self._asked()
        return self.now

    def nanoseconds(self) -> int:
        self._asked()
        return int(self.now * 1e9)

    def _asked(self) -> None:
        self.told.add(sys._getframe(2).f_globals.get("__name__", "?"))

    def replacements(self) -> dict[int, Any]:
        """By the identity of what a module may hold: what it gets instead."""
        kind = dated(self)
        times, dates = types.ModuleType("time"), types.ModuleType("datetime")
        vars(times).update(vars(time), time=self.seconds, time_ns=self.nanoseconds)
        vars(dates).update(vars(datetime), datetime=kind)
        real = (time, time.time, time.time_ns, datetime, datetime.datetime)
        new = (times, self.seconds, self.nanoseconds, dates, kind)
        return dict(zip(map(id, real), new, strict=True))


def dated(clock: Clock) -> type:
    """A `datetime` class whose present is the clock's; what it makes, and what is one of it, are the real one's."""

    class Real(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, datetime.datetime)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, datetime.datetime)

    class Dated(datetime.datetime, metaclass=Real):
        def __new__(cls, *given: Any, **named: Any) -> Any:
            return datetime.datetime(*given, **named)  # the caller's own zone

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            clock._asked()
            return datetime.datetime.fromtimestamp(clock.now, tz)

        @classmethod
        def utcnow(cls) -> Any:
            clock._asked()
            return datetime.datetime.fromtimestamp(clock.now, datetime.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            clock._asked()
            return datetime.datetime.fromtimestamp(clock.now)  # as today() is

    return Dated


@contextlib.contextmanager
def clock_set(now: float) -> Iterator[Clock]:
    """For its duration modules are told the time by the clock that it gives."""
    clock, replaced = Clock(now), []
    instead = clock.replacements()
    for name, module in list(sys.modules.items()):
        held = getattr(module, "__dict__", None)
        if name.partition(".")[0] in sys.stdlib_module_names or held is None or held is globals():
            continue
        for attribute, value in list(held.items()):
            if id(value) in instead:
                held[attribute] = instead[id(value)]
                replaced.append((held, attribute, value))
    try:
        yield clock
    finally:
        for held, attribute, value in replaced:
            held[attribute] = value
