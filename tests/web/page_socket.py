"""A page's websocket as a script speaks it: with any Host, Origin and cookie that a browser would not send."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol


def drawn(
    site: str, page: str, *, host: str = "", origin: str | None = None, ask: str = "", **headers: Any
) -> bytes | int:
    """All that one run of the page's script sends, or the status with which the handshake was refused.

    site: where to connect to; host: what to say instead; ask: of the chat, in a second run, which is what is returned.
    """
    parts = urlsplit(site)
    raw = socket.create_connection((parts.hostname, parts.port or 80), 10)
    try:
        opened = connect(
            f"ws://{host or parts.netloc}/_stcore/stream",
            sock=raw,
            origin=None if origin is None else Origin(origin),
            additional_headers={name.replace("_", "-"): value for name, value in headers.items()},
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
        )
    except InvalidStatus as refused:
        raw.close()
        return refused.response.status_code
    with opened as page_socket:
        begin(page_socket, page)
        sent, box = _run(page_socket)
        if ask:
            begin(page_socket, page, box, ask)
            sent, _ = _run(page_socket)
        return sent


def _run(page_socket: ClientConnection) -> tuple[bytes, str]:
    """What is sent until the script has ended, however often it begins anew; and the id of the chat's input."""
    sent, box = b"", ""
    for data, message in messages(page_socket):
        sent += data
        box = message.delta.new_element.chat_input.id or box
        ended = message.WhichOneof("type") == "script_finished"
        if ended and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return sent, box
    raise AssertionError("the page never ends")


def begin(page_socket: ClientConnection, page: str, box: str = "", ask: str = "") -> None:
    """Have the page's script run. ask: what is typed into its input `box`."""
    rerun = BackMsg()
    rerun.rerun_script.page_name = page
    if ask:
        state = rerun.rerun_script.widget_states.widgets.add()
        state.id, state.chat_input_value.data = box, ask
    page_socket.send(rerun.SerializeToString())


def messages(page_socket: ClientConnection) -> Iterator[tuple[bytes, ForwardMsg]]:
    """Each as it came, and what it says."""
    while True:
        data = page_socket.recv(60)
        assert isinstance(data, bytes)
        yield data, ForwardMsg.FromString(data)
