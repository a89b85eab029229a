"""For `bench pages`, as a process of its own: browsers without a screen open pages, and one keeps a simulation going.
A line of JSON a page: its name, and the seconds until all of it was sent.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

PAGES = ("", "chat", "knowledge", "simulate", "race_lab", "inspector", "audit")
SIMULATE = "simulate"
EVERY = 0.5
"""Seconds after which the page of a run that goes on asks for its live part, as a browser does."""
BEGIN = "Simulate"
LONG = 120.0


class Tab:
    """One browser's tab, with the cookie of its own session."""

    def __init__(self, port: int, page: str) -> None:
        address = f"127.0.0.1:{port}"
        with urllib.request.urlopen(f"http://{address}/{page}", timeout=LONG) as answer:
            cookies = [value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie") or ()]
        self.page = page
        self.buttons: dict[str, str] = {}
        self.live = ""
        """The fragment that wants to be drawn again and again."""
        self._open = ExitStack()
        self._socket: ClientConnection = self._open.enter_context(
            connect(
                f"ws://{address}/_stcore/stream",
                subprotocols=[Subprotocol("streamlit")],
                additional_headers={"Cookie": "; ".join(cookies)},
                max_size=None,
            )
        )

    def draw(self, press: str = "", fragment: str = "", query: str = "") -> None:
        """Until the script has ended. press: a button's id."""
        asked = BackMsg()
        asked.rerun_script.page_name = self.page
        asked.rerun_script.query_string = query
        asked.rerun_script.fragment_id = fragment
        if press:
            state = asked.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = press, True
        self._socket.send(asked.SerializeToString())
        buttons: dict[str, str] = {}
        live = ""
        while True:
            data: Any = self._socket.recv(LONG)
            message = ForwardMsg()
            message.ParseFromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                buttons, live = {}, ""
            elif kind == "auto_rerun":
                live = message.auto_rerun.fragment_id
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "button":
                button = message.delta.new_element.button
                buttons[button.label] = button.id
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                # A fragment's end may be the whole page's: what was there before it is gone.
                part = message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
                self.buttons = {**self.buttons, **buttons} if part else buttons
                self.live = live or (self.live if part else "")
                return

    def close(self) -> None:
        self._open.close()


def keep_running(port: int, stop: threading.Event, runs: list[tuple[float, float]]) -> None:
    """One run after the other, each in a tab of its own that looks at it as a browser does. runs: when each was begun,
    and when its end was seen."""
    while not stop.is_set():
        tab = Tab(port, SIMULATE)
        tab.draw()
        begun = time.monotonic()
        tab.draw(tab.buttons[BEGIN])
        runs.append((begun, begun))
        while tab.live and not stop.wait(EVERY):
            tab.draw(fragment=tab.live)
            runs[-1] = begun, time.monotonic()
        tab.close()


def main(port: int, seconds: float, busy: bool) -> None:
    stop, runs = threading.Event(), list[tuple[float, float]]()
    owner = threading.Thread(target=keep_running, args=(port, stop, runs), daemon=True)
    if busy:
        owner.start()
        while not runs:
            time.sleep(0.05)
    until = time.monotonic() + seconds
    for page in itertools.cycle(PAGES):
        if time.monotonic() > until:
            break
        begun = time.perf_counter()
        tab = Tab(port, page)
        tab.draw()
        sys.stdout.write(json.dumps({"page": page or "home", "seconds": time.perf_counter() - begun}) + "\n")
        tab.close()
    stop.set()
    sys.stdout.write(json.dumps({"runs": len(runs)}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "busy")
