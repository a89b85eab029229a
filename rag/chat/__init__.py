"""A chat turn: what is asked of the model, with which sources and history, and what is kept of its answer."""

from rag.chat.citations import numbered
from rag.chat.events import Event, EventStream, Finished, Found, Reply, Timings, Token, TurnObserver, Waiting
from rag.chat.models import make_model, model_name
from rag.chat.prompt import Source
from rag.chat.service import ChatService, sources_of

__all__ = [
    "ChatService",
    "Event",
    "EventStream",
    "Finished",
    "Found",
    "Reply",
    "Source",
    "Timings",
    "Token",
    "TurnObserver",
    "Waiting",
    "make_model",
    "model_name",
    "numbered",
    "sources_of",
]
