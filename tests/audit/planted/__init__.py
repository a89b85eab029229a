"""Stores that are right, and for each check one that is wrong in exactly that way."""

from __future__ import annotations

from tests.audit.planted.apart import FAULTS as APART
from tests.audit.planted.core import Core
from tests.audit.planted.faithful import FAULTS as FAITHFUL
from tests.audit.planted.faithful import Hiding
from tests.audit.planted.lasting import FAULTS as LASTING
from tests.audit.planted.owners import FAULTS as OWNERS
from tests.audit.planted.owners import JoiningTheOtherWay, JoiningWithNothing
from tests.audit.planted.whole import FAULTS as WHOLE
from tests.audit.planted.whole import KnowingItsProcess, LeavingReplies

FAULTS: dict[str, type[Core]] = {**APART, **OWNERS, **FAITHFUL, **LASTING, **WHOLE}
"""Check -> the store that it alone fails."""

MORE: dict[str, tuple[type[Core], ...]] = {
    "apart.joined": (JoiningTheOtherWay, JoiningWithNothing),
    "faithful.corrupt": (Hiding,),
    "whole.cancelled": (LeavingReplies,),
    "whole.processes": (KnowingItsProcess,),
}
"""Other ones that it has to find as well."""

__all__ = ["FAULTS", "MORE"]
