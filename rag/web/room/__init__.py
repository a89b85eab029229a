"""A room over HTTP: its phones' page, the wall, and what both ask. `RoomFirst` is all that others need."""

from rag.web.room.routes import RoomFirst

__all__ = ["RoomFirst"]
