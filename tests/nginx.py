"""A real nginx with a configuration of the test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import needs
from tests.servers import wait_for


def command(folder: Path, http: str) -> list[str]:
    """What starts it, in the foreground. http: what stands in the block of that name; all that it writes is below
    `folder`."""
    places = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log {folder}/access.log; {places}\n{http}}}\n",
        encoding="utf-8",
    )
    return [needs.program("nginx", "/usr/sbin/nginx"), "-p", str(folder), "-c", str(config), "-e", "stderr"]


@contextmanager
def nginx(folder: Path, http: str) -> Iterator[None]:
    """As long as it runs. It writes the file `pid` when it listens on all of its ports: if somebody else has one, it
    tries for seconds, and ends."""
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(command(folder, http), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for((folder / "pid").exists, f"nginx ({folder / 'nginx.log'})")
        yield
    finally:
        process.terminate()
        process.wait(10)
