"""The real application in a process of its own, on a free port, with a state folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from rag.inspector.one_time_link import address, issue
from tests import PROJECT
from tests.browser import filled_library
from tests.logs import harm
from tests.servers import ended, free_port, started

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


class AppServer:
    """`streamlit run app.py`. It can be stopped, killed and started again on the same port and state; `project`: which
    folder's app, so that another version of it can be started there. command: up to its port."""

    def __init__(
        self,
        state_dir: Path,
        env: Mapping[str, str] | None = None,
        project: Path = PROJECT,
        command: Sequence[str] = ("streamlit", "run", "app.py", "--server.port"),
    ) -> None:
        self.state_dir = state_dir
        self.project = project
        self.command = command
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._env = {**os.environ, "STATE_DIR": str(state_dir), **(env or {})}
        self._log = state_dir.parent / f"{state_dir.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        first = filled_library.copy(self.state_dir, self._env)
        command = [sys.executable, "-m", *self.command, str(self.port)]
        self._process = started(command, self._log, cwd=self.project, env=self._env)
        self._wait_until_healthy()
        if first:
            filled_library.keep(self.state_dir)

    @retry(stop=stop_after_delay(120), wait=wait_fixed(0.1), retry=retry_if_exception_type((httpx.HTTPError, OSError)))
    def _wait_until_healthy(self) -> None:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the app ended with {self._process.returncode}:\n{self.log()}")
        # verify: else each of these reads all certificates anew, which takes a third of the processor while one waits.
        httpx.get(f"{self.url}/healthz", timeout=2, verify=False).raise_for_status()

    @property
    def running(self) -> bool:
        return self._process is not None

    def inspector_link(self) -> str:
        """As `python -m rag inspect-link` writes it."""
        return address(self.url, issue(self.state_dir))

    def let_in(self, context: BrowserContext) -> None:
        """Opens the inspector for this browser, without the pages that a person sees on the way, as in test_policy."""
        address, _, secret = self.inspector_link().partition("#")
        answer = context.request.post(address, form={"secret": secret}, headers={"Origin": self.url}, max_redirects=0)
        assert answer.status == 303, answer.text()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        ended(self._process, how, 20)
        self._process = None
        if found := harm(self.log()):
            raise AssertionError(f"what a person said, or a secret, was logged: {found!r} in {self._log}")

    def redis_server(self) -> psutil.Process:
        """The embedded server of this state folder."""
        for process in psutil.process_iter(["name", "cwd"]):  # of one that has just ended, the folder is None
            if process.info["name"] == "valkey-server" and (process.info["cwd"] or "").startswith(str(self.state_dir)):
                return process
        raise AssertionError("no embedded server runs for this state folder")


@contextmanager
def serving(state_dir: Path, env: Mapping[str, str] | None = None) -> Iterator[AppServer]:
    server = AppServer(state_dir, env)
    server.start()
    try:
        yield server
    finally:
        server.stop()
