"""Stores that are right, and for each check one that is wrong in exactly that way."""

from __future__ import annotations

from tests.audit.planted.apart import FAULTS as APART
from tests.audit.planted.core import Core
from tests.audit.planted.faithful import FAULTS as FAITHFUL
from tests.audit.planted.lasting import FAULTS as LASTING
from tests.audit.planted.whole import FAULTS as WHOLE
from tests.audit.planted.whole import MORE

FAULTS: dict[str, type[Core]] = {**APART, **FAITHFUL, **LASTING, **WHOLE}
"""Check -> the store that it alone fails."""

__all__ = ["FAULTS", "MORE"]
