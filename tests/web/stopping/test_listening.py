"""A starting server has its port, and refuses whoever connects, until it can answer."""

from __future__ import annotations

import inspect
import socket

import pytest
from streamlit.web.server.starlette import starlette_server

from rag.ui.server.listening import bound


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_nobody_connects_before_it_listens(address: str) -> None:
    with bound(address, 0, 100) as made:
        port = made.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, port), 5)
        made.listen(1)
        socket.create_connection((address, port), 5).close()
        with pytest.raises(OSError, match="in use"):
            bound(address, port, 100)


def test_it_stands_where_streamlit_opens_the_port() -> None:
    theirs, ours = (inspect.signature(one) for one in (starlette_server._bind_socket, bound))
    assert theirs == ours
    assert "_bind_socket(" in inspect.getsource(starlette_server._bind_server_socket)
