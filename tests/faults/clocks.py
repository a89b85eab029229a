"""Clocks that jump: libfaketime gives a process the time of day that a file says, and leaves it its steady clock."""

from __future__ import annotations

from pathlib import Path

from tests import needs
from tests.servers import Server

CACHE_SECONDS = 1
"""After so long a process has the new time."""
LIBRARIES, LIBRARY = Path("/usr/lib"), "*/faketime/libfaketimeMT.so.1"


class Clocks:
    """One by name; each is right until it is set."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library = needs.file(LIBRARIES, LIBRARY, "libfaketime")

    def set(self, name: str, seconds: int) -> None:
        """By so many seconds ahead of the right time; negative: behind it."""
        new = self._folder / f"{name}.new"
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        new.replace(self._folder / f"{name}.clock")

    def of(self, name: str) -> dict[str, str]:
        """The environment of a process that goes by this clock."""
        self.set(name, 0)
        return {
            "LD_PRELOAD": self._library,
            "FAKETIME_TIMESTAMP_FILE": str(self._folder / f"{name}.clock"),
            "FAKETIME_CACHE_DURATION": str(CACHE_SECONDS),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else threads that wait for a lock with a time-out are not woken
        }


class ClockServer(Server):
    """A Redis that goes by the clock "redis"."""

    def __init__(self, clocks: Clocks) -> None:
        super().__init__("--appendonly", "yes", env=clocks.of("redis"))
