"""Each check of the audit that is about keeping conversations apart, as a test of this project."""

from __future__ import annotations

from stores import FileSession

import crosswire


@crosswire.audit_test(name="FileSession", only=["apart"])
def file_session(session_id: str, folder: str) -> FileSession:
    return FileSession(session_id, folder)
