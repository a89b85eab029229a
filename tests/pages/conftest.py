"""The services of the pages, one for the tests of a file: each visitor there has a session of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag.services import Services
from tests.pages.opening import opened


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with opened() as services:
        yield services
