"""The response router, mended: the same store and transport, and no two requests under way have one id."""

from __future__ import annotations

from rag.crosstalk.strategies.base import NOTHING, Asked, Steps
from rag.crosstalk.strategies.in_process.response_router import ResponseRouter


class RoutedByClient(ResponseRouter):
    name = "routed-by-client"
    title = "Answers routed by client"
    place = 186
    lesson = "Whose request it is belongs to its id: then a shared transport swaps nothing."
    wrong = "Correct within one process. A second process has its own histories; a restart begins with none."
    seen = ()
    fix = "None needed for the transport. For the histories, a store that all processes share."
    expects = NOTHING

    def turn(self, asked: Asked) -> Steps:
        yield "ask: send the request"
        number = self.transport.number(asked.session)
        return (yield from self.routed((asked.session, number), asked))
