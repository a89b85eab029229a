"""How tests are shared out when several processes run them: a file stays whole, and all of Chromium's go together."""

from __future__ import annotations

import signal

import pytest


def pytest_configure() -> None:
    """A shell that runs this suite in the background has told it, and with it all it starts, to ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            # Two browsers at once would take turns on two cores, and wait for each other until one gives up.
            group = "browser" if item.get_closest_marker("browser") else item.location[0]
            item.add_marker(pytest.mark.xdist_group(group))
