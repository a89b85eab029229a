"""What a load balancer asks. It says whether things work and nothing else: no addresses, no versions, no names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from starlette.responses import JSONResponse, Response

from rag.errors import CrosswireError
from rag.web.services import Services

State = Literal["ok", "unavailable"]


def health(services: Callable[[], Services]) -> Response:
    """200 while turns can be stored, 503 when not. Without the library what is stored can still be read: degraded."""
    store = _state(services, lambda ready: ready.store.ping())
    library = _state(services, lambda ready: ready.library.documents())
    status = "unavailable" if store != "ok" else "ok" if library == "ok" else "degraded"
    return JSONResponse(
        {"status": status, "store": store, "library": library},
        status_code=503 if store != "ok" else 200,
        headers={"Cache-Control": "no-store"},
    )


def _state(services: Callable[[], Services], check: Callable[[Services], object]) -> State:
    try:
        check(services())
    except CrosswireError:
        return "unavailable"
    except Exception:
        logging.getLogger(__name__).exception("A health check broke")
        return "unavailable"
    return "ok"
