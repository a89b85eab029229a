from tests.chat.conftest import sid, store

__all__ = ["sid", "store"]
