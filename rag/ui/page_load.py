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
AGAIN = ("Simulate", "Run again")
LONG = 120.0


class Tab:
    """One browser's tab, with the cookie of its own session."""

    def __init__(self, port: int, page: str) -> None:
        address = f"127.0.0.1:{port}"
        with urllib.request.urlopen(f"http://{address}/{page}", timeout=LONG) as answer:
            cookies = [value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie") or ()]
        self.page = page
        self.query = ""
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

    def draw(self, press: str = "", fragment: str = "") -> None:
        """Until the script has ended, and whatever it is run anew for. press: a button's id."""
        asked = BackMsg()
        asked.rerun_script.page_name = self.page
        asked.rerun_script.query_string = self.query
        asked.rerun_script.fragment_id = fragment
        if press:
            state = asked.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = press, True
        if not fragment:
            self._begin()
        self._socket.send(asked.SerializeToString())
        while True:
            data: Any = self._socket.recv(LONG)
            message = ForwardMsg()
            message.ParseFromString(data)
            if self.heard(message):
                return

    def heard(self, message: ForwardMsg) -> bool:
        """Whether the script has ended. A fragment that asks for the whole page is gone with what it belonged to."""
        kind = message.WhichOneof("type")
        if kind == "script_finished":
            if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return True
            self._begin()
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self.live = message.auto_rerun.fragment_id
        elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "button":
            button = message.delta.new_element.button
            self.buttons[button.label] = button.id
        return False

    def _begin(self) -> None:
        self.buttons, self.live = {}, ""

    def close(self) -> None:
        self._open.close()


class Owner:
    """Presses the button, looks at the run as it goes on, and presses again as soon as it is over."""

    def __init__(self, port: int) -> None:
        self.runs = 0
        self.running = threading.Event()
        self.problem = ""
        self._port = port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Until the first run goes on. Raises TimeoutError."""
        self._thread.start()
        if not self.running.wait(LONG):
            raise TimeoutError(self.problem or "No run has begun.")

    def end(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(LONG)

    def _keep(self) -> None:
        try:
            tab = Tab(self._port, SIMULATE)
            tab.draw()
            while not self._stop.is_set():
                self.step(tab)
            tab.close()
        except Exception as exc:  # told by whoever waits for it
            self.problem = f"The owner of the runs: {type(exc).__name__}: {exc}"
        finally:
            self.running.clear()

    def step(self, tab: Tab) -> None:
        button = next((tab.buttons[label] for label in AGAIN if label in tab.buttons), "")
        if tab.live:
            self._stop.wait(EVERY)
            tab.draw(fragment=tab.live)
        elif button:
            tab.draw(button)
            self.runs += bool(tab.live)
        else:
            tab.draw()
        (self.running.set if tab.live else self.running.clear)()


def main(port: int, seconds: float, busy: bool) -> None:
    owner = Owner(port)
    if busy:
        owner.start()
    until = time.monotonic() + seconds
    for page in itertools.cycle(PAGES):
        if time.monotonic() > until:
            break
        there = owner.running.is_set()
        begun = time.perf_counter()
        tab = Tab(port, page)
        tab.draw()
        told = {"page": page or "home", "seconds": time.perf_counter() - begun, "during": there}
        sys.stdout.write(json.dumps(told) + "\n")
        tab.close()
    if busy:
        owner.end()
    sys.stdout.write(json.dumps({"runs": owner.runs, "problem": owner.problem}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "busy")
