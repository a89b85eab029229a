"""What a measurement gave, as another process sends it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from rag.crosstalk.strategies import Lab


@dataclass(frozen=True, slots=True)
class Level:
    """So many people at once: turns a second, and the 95th percentile of a turn, in seconds."""

    people: int
    rate: float
    p95: float


@dataclass(frozen=True, slots=True)
class Measured:
    """answer: to what the belief asks, None where it cannot be told. told: in a sentence or two, with its figures.
    rows: what was looked at, and how it came out with the wrong and with the right memory."""

    answer: bool | None
    told: str
    rows: tuple[tuple[str, str, str], ...]
    levels: tuple[Level, ...] = ()
    seconds: float = 0.0


Tell = Callable[[float, str], None]
"""Takes the share of it that is done, and what goes on."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measurement is given. tell: how far it is. stop: ends it; what comes of it then is not looked at."""

    lab: Lab
    tell: Tell
    stop: threading.Event = field(default_factory=threading.Event)
