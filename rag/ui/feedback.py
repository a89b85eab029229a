"""How a page says what went wrong, and how it offers a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from rag.errors import CrosswireError, public_line


@contextmanager
def errors_shown(icon: str = "error", told: Callable[[CrosswireError], str] = public_line) -> Iterator[None]:
    """What fails within is drawn in one line, and the page goes on behind it. told: `str` for whoever runs the server.

    It decorates functions, too.
    """
    try:
        yield
    except CrosswireError as exc:
        st.error(told(exc), icon=f":material/{icon}:")


def download(
    label: str,
    data: bytes | str | Callable[[], bytes | str],
    file: str,
    mime: str,
    icon: str | None = None,
    **options: Any,
) -> None:
    """A button whose click does not draw the page anew. data: if it is a function, it is called by the click."""
    options["icon"] = f":material/{icon}:" if icon else None
    st.download_button(label, data, file, mime, on_click="ignore", **options)
