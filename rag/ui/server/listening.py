"""`python -m rag.ui.server.listening`: Streamlit's command line, but a server does not listen before it can answer.

Streamlit opens its port first, and loads the application then, for seconds in which whoever connects waits. A balancer
would send a starting replica its share of the questions; refused, it goes to the next one at once.
"""

from __future__ import annotations

import os
import socket

from streamlit.web import cli
from streamlit.web.server.starlette import starlette_server


def bound(address: str, port: int, backlog: int) -> socket.socket:
    """As Streamlit makes it, bound and no more: Uvicorn listens on it when the application has started. `backlog` is
    Uvicorn's, too. Raises OSError where the port is taken."""
    del backlog
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        if os.name != "nt":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((address, port))
        made.setblocking(False)
        made.set_inheritable(True)
    except BaseException:
        made.close()
        raise
    return made


if __name__ == "__main__":
    starlette_server._bind_socket = bound
    cli.main(prog_name="streamlit")
