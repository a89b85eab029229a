"""Reads what a client sends: so many bytes at most, and in so many seconds."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from rag.web.problem import Problem, Refused

SECONDS = 10.0
"""In which a body has to be here. A slow client keeps a connection open for no longer."""


async def read_body(request: Request, longest: int) -> bytes:
    """The whole body. Raises Refused: 413 for more than `longest` bytes, 408 when it takes too long, 400 if cut off."""
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > longest:
                    raise Refused(_too_large(longest))
    except TimeoutError as slow:
        raise Refused(_TOO_SLOW) from slow
    except ClientDisconnect as gone:
        raise Refused(Problem(400, "Incomplete body", "The body ended early: send it again.")) from gone
    return bytes(body)


def _too_large(longest: int) -> Problem:
    return Problem(413, "Body too large", f"At most {longest // 1024} KiB are read: send a shorter message.")


_TOO_SLOW = Problem(
    408, "Body too slow", f"The body did not arrive within {SECONDS:.0f} s: send it again.", {"Connection": "close"}
)
