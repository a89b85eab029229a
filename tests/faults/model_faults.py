"""What can happen to the model, by real bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.chat import faulty_server as bytes_of
from tests.chat.faulty_server import Handler
from tests.faults.fault import Fault, noticed

if TYPE_CHECKING:
    from tests.faults.world import World

MET = "requests met it"
ORDER = re.compile(r"LK-[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{6}")


def recalling(handler: Handler) -> None:
    """Answers with the newest order number in its prompt, whoever's that is."""
    messages = handler.asked["messages"]
    found = ORDER.findall(json.dumps(messages))
    handler.begin()
    handler.word(f"Your order is {found[-1]}." if found else "I know of no order.")
    handler.word(None, "stop")
    handler.send("data: [DONE]\n\n")
    handler.end()


def _fault(name: str, how: bytes_of.Fault, seconds: float = 3.0) -> Fault:
    @contextmanager
    def make(world: World) -> Iterator[None]:
        assert world.model is not None

        def met(handler: Handler) -> None:
            world.noticed[MET] += 1
            how(handler)

        world.model.always = met
        yield
        world.model.always = recalling

    return Fault(name, "model", make, noticed(MET), seconds)


FAULTS = (
    _fault("429", bytes_of.status(429, {"message": "slow down"})),
    _fault("500", bytes_of.status(500, {"message": "broken"})),
    _fault("hangs up", bytes_of.no_response),
    _fault("stalls", bytes_of.stall_before_headers, 5.0),
    _fault("stalls in the middle", bytes_of.stall_midway, 5.0),
    _fault("drops in the middle", bytes_of.drop_midway),
    _fault("answers nothing", bytes_of.nothing),
    _fault("answers garbage", bytes_of.bad_utf8),
    _fault("answers without end", bytes_of.endless),
)
