"""Names of attributes, as OpenTelemetry's semantic conventions for generative AI have them, and what is sent at most.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ (status: development). What they have no name for
begins with `crosswire.`.
"""

from __future__ import annotations

import hashlib

OPERATION = "gen_ai.operation.name"
CONVERSATION = "gen_ai.conversation.id"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
"""Seconds."""
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
INPUT = "gen_ai.input.messages"
OUTPUT = "gen_ai.output.messages"
QUERY = "gen_ai.retrieval.query.text"
DOCUMENTS = "gen_ai.retrieval.documents"
ERROR = "error.type"
SERVICE = "service.name"

INPUT_DIGESTS = "crosswire.input.digests"
OUTPUT_DIGESTS = "crosswire.output.digests"
"""Of each message `role:characters:digest`: enough to tell whether it is another session's, without its text."""

CHAT, RETRIEVAL = "chat", "retrieval"
ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "function": "tool"}
"""LangChain's types of messages."""

LONGEST_TEXT = 4000
"""Characters of one message; the rest is cut off."""
MOST_MESSAGES = 60
"""Of a prompt: the first ones and the newest."""
MOST_DOCUMENTS = 20
MOST_SPANS = 20
"""Of a turn."""


def digest(text: str) -> str:
    """Sixteen hexadecimal digits. A text that can be guessed can be recognised by them."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
