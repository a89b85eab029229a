"""The model that answers when none is configured: it ranks and quotes, and knows neither a shop nor a grammar."""

from rag.chat.offline.model import NAME, OfflineChatModel

__all__ = ["NAME", "OfflineChatModel"]
