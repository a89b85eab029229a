"""The pages over real parts in this process, and what a visitor does on them.

AppTest sends no cookies, so each `visit()` is a tab of a browser that keeps none: a session of its own. What cookies
do, and what ends a run from outside (Stop, a closed tab), is for the tests in tests/browser.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

from rag.services import Services, load_articles
from rag.settings import Settings
from rag.ui import resources
from rag.web.cookie import session_id_of
from tests import PROJECT

NAVIGATION = PROJECT / "pages" / "navigation.py"
_LINK = re.compile(r"\[\\\[(\d+)\\\]\]\([^()]*\)")
SECTIONS = ("returns", "delivery", "orders")
"""The part of the help centre that is loaded here: enough to be asked about, and quick to read."""


@contextmanager
def opened(**variables: str) -> Iterator[Services]:
    """The services of the pages, with these settings and an empty state folder."""
    # Not tmp_path: a Unix socket's path may have about 100 characters.
    # What ends with it, as the embedded server, may still write there.
    scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with scratch as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        for section in SECTIONS:
            shutil.copytree(PROJECT / "data" / "knowledge" / section, folder / "articles" / section)
        for variable in [name for name in os.environ if name.lower() in Settings.model_fields]:
            patch.delenv(variable)
        given = {"STATE_DIR": str(folder / "state"), "KNOWLEDGE_DIR": str(folder / "articles"), **variables}
        for variable, text in given.items():
            patch.setenv(variable, text)
        resources.services.clear()
        services = resources.services()
        try:
            load_articles(services)
            yield services
        finally:
            resources.close()


def visit() -> AppTest:
    """Somebody new opens the chat."""
    return to("chat.py", tab())


def tab() -> AppTest:
    """An empty tab of somebody new."""
    page = AppTest.from_file(NAVIGATION, default_timeout=20)
    # Else it looks for components in all installed packages, half a second for each visitor.
    page._bidi_component_manager = _components()
    return page


def to(name: str, page: AppTest) -> AppTest:
    page.switch_page(name)
    return calm(page.run())


@cache
def _components() -> BidiComponentManager:
    return BidiComponentManager()


def calm(page: AppTest) -> AppTest:
    """Whatever happened, no page shows an exception."""
    assert not page.exception, [element.message for element in page.exception]
    return page


def say(page: AppTest, text: str) -> AppTest:
    return calm(page.chat_input[0].set_value(text).run())


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [button for button in page.button if button.label == label]
    return calm(button.click().run())


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def transcript(page: AppTest) -> list[tuple[str, str]]:
    """Who said what: `user`, as typed, and `assistant`, the answer without its sources and their addresses."""
    said = []
    for message in page.chat_message:
        texts = message.text if message.name == "user" else message.markdown
        said.append((message.name, _LINK.sub(r"[\1]", texts[0].value) if texts else ""))
    return said


def errors(page: AppTest) -> list[str]:
    return [error.value for error in page.error]


def session_of(page: AppTest) -> str:
    return session_id_of(page.session_state["tab_token"])


def pick(monkeypatch: pytest.MonkeyPatch, *rows: int) -> None:
    """These rows of each table are selected: AppTest cannot do it."""
    drawn = st.dataframe

    def dataframe(*args: Any, **kwargs: Any) -> Any:
        made = drawn(*args, **kwargs)
        return {"selection": {"rows": list(rows)}} if "on_select" in kwargs else made

    monkeypatch.setattr(st, "dataframe", dataframe)
