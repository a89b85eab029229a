"""How tests are shared out when several processes run them: a file stays whole, and all of Chromium's go together.

And what would be paid in each of these processes, and is not.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

import pytest

from tests.installing import place, plain, wheel

__all__ = ["place", "plain", "wheel"]
"""Fixtures of the installed wheel, for whoever asks."""

# Loading the libraries and making thousands of items leaves millions of objects that live to the end. Walked again and
# again they took a sixth of the suite's time.
gc.disable()

# Each worker and each of the many programs that are started here would compile all that it loads again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure() -> None:
    """A shell that runs this suite in the background has told it, and with it all it starts, to ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            # Two browsers at once would take turns on two cores, and wait for each other until one gives up.
            group = "browser" if item.get_closest_marker("browser") else item.location[0]
            if "wheel" in getattr(item, "fixturenames", ()):  # it is built and installed once
                group = "wheel"
            item.add_marker(pytest.mark.xdist_group(group))
