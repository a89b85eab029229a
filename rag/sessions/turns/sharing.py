"""What stores that are made one by one for the same client have in common: what was decoded, and who waits.

LangChain asks for a history object a call. Without this each would begin by reading all that is stored. It is kept by
client and by options, at most MOST of those, and goes with the client: nothing here refers to one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from rag.sessions.connection.connect import AsyncClient, Client
from rag.sessions.fork import reset_in_children
from rag.sessions.protocol.requests import SessionProtocol

MOST = 8


class SharedProtocols:
    """Of one client. Thread-safe."""

    def __init__(self) -> None:
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._protocols: OrderedDict[Hashable, SessionProtocol] = OrderedDict()

    def protocol(self, options: Hashable, own: SessionProtocol) -> SessionProtocol:
        """That of the stores with the same options; `own` if it is the first."""
        with self._lock:
            found = self._protocols.setdefault(options, own)
            self._protocols.move_to_end(options)
            if len(self._protocols) > MOST:
                self._protocols.popitem(last=False)
            return found


_NAME = "_crosswire_shared"


def shared(client: Client | AsyncClient) -> SharedProtocols:
    """It hangs on the client itself: nothing global holds what somebody said."""
    held = vars(client)
    found: SharedProtocols = held.get(_NAME) or held.setdefault(_NAME, SharedProtocols())
    return found
