"""One record holds all that is known of a fault."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.faults.world import World

Kind = Literal["Redis", "failover", "model", "processes", "library"]


@dataclass(frozen=True, slots=True)
class Fault:
    """make: the fault is there while the context lasts; what it yields is nothing.

    forgets: whether histories go with it, as whoever runs that server set it: a server that keeps nothing on disk.
    seconds: how long it lasts.
    """

    name: str
    kind: Kind
    make: Callable[[World], AbstractContextManager[None]]
    seconds: float = 3.0
    forgets: bool = False
