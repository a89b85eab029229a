"""The tests, which run in a checkout."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The top of the checkout."""
