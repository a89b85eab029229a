"""What a fault looks like: `pytest test_folding.py`."""

from __future__ import annotations

from stores import FoldingSession

import crosswire


@crosswire.audit_test(name="FoldingSession", only=["apart.case", "apart.colon"])
def folding_session(session_id: str, folder: str) -> FoldingSession:
    return FoldingSession(session_id, folder)
