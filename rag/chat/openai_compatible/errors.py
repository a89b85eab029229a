"""What the client library raises, as the one line that a user can act on.

No message shows a key, and of an address only scheme, host, port and path. The server's own words are repeated only
where they explain a refused request, cut to one short line.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

import httpx2
import openai
import pycurl

from rag.errors import ModelBusy, ModelError, ModelRefused, ModelTooSlow, ModelUnavailable

_NO_CONNECTION = frozenset({pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY})
_DROPPED = frozenset(
    {
        pycurl.E_GOT_NOTHING,
        pycurl.E_PARTIAL_FILE,
        pycurl.E_RECV_ERROR,
        pycurl.E_SEND_ERROR,
        pycurl.E_FTP_WEIRD_SERVER_REPLY,  # of HTTP, too
    }
)


def translate(exc: Exception, target: str, model: str) -> ModelError:
    """The one-line error for whatever the client library raised while it talked to `target`."""
    if isinstance(exc, ModelError):
        return exc
    if isinstance(exc, openai.APIStatusError):
        return _refusal(exc, target, model)
    if isinstance(exc, pycurl.error):
        return _met(exc.args[0], target)
    if isinstance(exc, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError):
        return ModelTooSlow(target)
    if isinstance(exc, openai.APIConnectionError | httpx2.HTTPError | OSError):
        return ModelUnavailable(target, _connection_reason(exc))
    if isinstance(exc, openai.APIError):
        return _reported(exc, target)
    return ModelUnavailable(target, "its reply cannot be read: it may not be an OpenAI-compatible server")


def _met(code: int, target: str) -> ModelError:
    """For what libcurl met."""
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return ModelTooSlow(target)
    if code in _NO_CONNECTION:
        return ModelUnavailable(target, "no connection")
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        return ModelUnavailable(target, "its certificate is not trusted; SSL_CERT_FILE can name whose are")
    return ModelUnavailable(target, "the connection was dropped" if code in _DROPPED else "the connection failed")


def _refusal(exc: openai.APIStatusError, target: str, model: str) -> ModelError:
    status = exc.status_code
    if status in (401, 403):
        return ModelRefused(target, f"status {status}: the key in OPENAI_API_KEY is not accepted")
    if status == 404:
        return ModelRefused(target, f"status 404: it has no model {model!r}; CHAT_MODEL or OPENAI_BASE_URL is wrong")
    if status == 429:
        if exc.code == "insufficient_quota":
            return ModelRefused(target, "status 429: the quota of this key is used up")
        return ModelBusy(target, _retry_after(exc.response.headers))
    if status >= 500 or status in (408, 409):
        return ModelUnavailable(target, f"status {status}")
    if "context" in exc.message and ("length" in exc.message or "size" in exc.message or "window" in exc.message):
        too_long = "the question and its sources are longer than it can read"
        return ModelRefused(target, f"status {status}: {too_long}", too_long)
    return ModelRefused(target, f"status {status}: {_first_line(exc)}")


def _reported(exc: openai.APIError, target: str) -> ModelError:
    """An error event inside a stream that began with status 200."""
    if "rate_limit" in f"{exc.code} {exc.type}" or exc.code == "429":
        return ModelBusy(target)
    return ModelUnavailable(target, f"it reported: {_first_line(exc)}")


def _connection_reason(exc: Exception) -> str:
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, httpx2.RemoteProtocolError | httpx2.ReadError):
            return "the connection was dropped"
        if isinstance(cause, httpx2.ConnectError | ConnectionRefusedError):
            return "no connection"
        cause = cause.__cause__
    return "the connection failed"


def _first_line(exc: openai.APIError) -> str:
    body = exc.body if isinstance(exc.body, dict) else {}
    nested = body.get("error")
    message = (
        body.get("message") or (nested.get("message") if isinstance(nested, dict) else nested) or "no reason given"
    )
    printable = "".join(c if c.isprintable() else " " for c in str(message))
    return " ".join(printable.split())[:200].rstrip(". ")


def _retry_after(headers: httpx2.Headers) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with suppress(ValueError):
            seconds = float(headers.get(name, "")) / unit
            if 0 < seconds < 86_400:
                return seconds
    return None


def shown_address(url: str) -> str:
    """Scheme, host, port and path only: no user, no password, no query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
