"""How much of what visitors upload is in memory. Streamlit keeps each file, of which it bounds the size, until its page
is left; but any number of them may be sent, also past the page's own widget.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager as Files
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

FILES_OF_PAGE, BYTES_OF_PAGE = 50, 64 * 1024 * 1024
BYTES = 512 * 1024 * 1024
"""Of everybody."""

_add = Files.add_file


def add_file(self: Files, session_id: str, file: UploadedFileRec) -> None:
    """Raises HTTPException, which is what the page's widget is told. session_id: Streamlit's, of one open page."""
    kept = self.file_storage.get(session_id, {})
    size = len(file.data)
    if len(kept) >= FILES_OF_PAGE or sum(len(one.data) for one in [*kept.values()]) + size > BYTES_OF_PAGE:
        raise HTTPException(413, "Too many files at once: add these first.")
    if self._total_bytes + size > BYTES:
        raise HTTPException(503, "Too many uploads are under way: try again in a moment.")
    _add(self, session_id, file)


def bound_uploads() -> None:
    """For all servers of this process."""
    Files.add_file = add_file  # type: ignore[method-assign]
