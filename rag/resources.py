"""Files that come with the program: the application, its pages, the articles, the questions it is measured by, and
what a log holds.

In a checkout they stand where one looks for them, at the top; a wheel packs the same files beside this module (see
`force-include` in pyproject.toml). Nothing is ever written below either folder.
"""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PACKED = _PACKAGE / "_resources"
ROOT = _PACKED if _PACKED.is_dir() else _PACKAGE.parent
"""The folder of all of them."""

APP = ROOT / "app.py"
NAVIGATION = ROOT / "pages" / "navigation.py"
ARTICLES = ROOT / "data" / "knowledge"
STREAMLIT_OPTIONS = ROOT / "streamlit.toml"
"""Packed only: a checkout has .streamlit/config.toml, which Streamlit finds by itself."""
LOG_FORMAT = ROOT / "docs" / "log-format.md"
"""What `check` reads."""
BELIEFS = ROOT / "data" / "beliefs"
"""The wrong and the right lines of each belief: `answer(model, session_id, text)`, each file by itself."""
QUESTIONS = ROOT / "data" / "eval" / "questions.jsonl"


def child_environment() -> dict[str, str]:
    """This process's environment for a child that imports `rag`, from whichever folder it is started.

    Start it with `python -P`, so that a folder of the same name in the working directory is not taken for the package.
    """
    if ROOT == _PACKED:  # the child finds what is installed, as this process did
        return dict(os.environ)
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
