"""How tests are shared out when several processes run them: a file stays whole, and all of Chromium's go together."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            # Two browsers at once would take turns on two cores, and wait for each other until one gives up.
            group = "browser" if item.get_closest_marker("browser") else item.location[0]
            item.add_marker(pytest.mark.xdist_group(group))
