"""Presenter mode, on every page: large type, and a story that the space bar goes through."""

from rag.ui.presenter.mode import draw, link

__all__ = ["draw", "link"]
