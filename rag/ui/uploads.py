"""Documents of one session, as a visitor hands them in.

Streamlit keeps each file, of which it bounds the size, in memory until its page is left: here, until it is read. But
any number of them may be sent, also past the page's own widget. So their sum is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import streamlit as st
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from rag.erasure import add_document
from rag.errors import CrosswireError, public_line
from rag.services import Services

FILE_TYPES = ["md", "txt", "html", "htm", "pdf"]
MOST_MEGABYTES = 10
FILES_OF_PAGE, BYTES_OF_PAGE = 50, 64 * 1024 * 1024
BYTES = 512 * 1024 * 1024
"""Of everybody."""

_keep = MemoryUploadedFileManager.add_file


class File(Protocol):
    """As Streamlit's widgets give them."""

    @property
    def name(self) -> str: ...
    def getvalue(self) -> bytes: ...


def add(files: Iterable[File], services: Services, session_id: str) -> list[str]:
    """Add each that can be read. Returns a line for each that cannot."""
    problems = []
    for file in files:
        try:
            with st.spinner(f"Reading {file.name} …"):
                with services.watch.refusing(session_id):
                    allowance = services.limits.upload(session_id, st.context.ip_address)
                    if allowance is not None:
                        services.store.charge(allowance)
                add_document(services, session_id, file.name, file.getvalue())
        except CrosswireError as exc:
            problems.append(public_line(exc))
        _let_go(file)
    return problems


def _let_go(file: File) -> None:
    """Its document may be deleted long before the page is left."""
    page, file_id = get_script_run_ctx(), getattr(file, "file_id", None)
    if page is not None and file_id and isinstance(page.uploaded_file_mgr, MemoryUploadedFileManager):
        page.uploaded_file_mgr.remove_file(page.session_id, file_id)


def keep(self: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec) -> None:
    """Raises HTTPException, which is what the page's widget is told. session_id: Streamlit's, of one open page."""
    kept = self.file_storage.get(session_id, {})
    size = len(file.data)
    if len(kept) >= FILES_OF_PAGE or sum(len(one.data) for one in [*kept.values()]) + size > BYTES_OF_PAGE:
        raise HTTPException(413, "Too many files at once: add these first.")
    if self._total_bytes + size > BYTES:
        raise HTTPException(503, "Too many uploads are under way: try again in a moment.")
    _keep(self, session_id, file)


def bound_uploads() -> None:
    """For all servers of this process."""
    MemoryUploadedFileManager.add_file = keep  # type: ignore[method-assign]
