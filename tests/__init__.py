"""The tests, which run in a checkout."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The top of the checkout."""

BARE_PYTEST = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""For a pytest that runs what stands alone: plugins that happen to be here take it more than a second to load."""
