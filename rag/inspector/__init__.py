"""What is in a Redis that holds chat sessions: who is there, what was said, for how long, and what is wrong."""

from __future__ import annotations

from rag.inspector.inspector import Inspector
from rag.inspector.layouts.base import Layout
from rag.inspector.layouts.registry import LAYOUTS
from rag.inspector.pace import Pace, Progress
from rag.inspector.views.session_table import FLAGS, Filter, Found, flags

__all__ = ["FLAGS", "LAYOUTS", "Filter", "Found", "Inspector", "Layout", "Pace", "Progress", "flags"]
