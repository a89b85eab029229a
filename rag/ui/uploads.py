"""Documents of one session, as a visitor hands them in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import streamlit as st

from rag.erasure import add_document
from rag.errors import CrosswireError, public_line
from rag.services import Services

FILE_TYPES = ["md", "txt", "html", "htm", "pdf"]
MOST_MEGABYTES = 10


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
    return problems
