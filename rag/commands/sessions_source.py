"""Where the commands of `sessions` read: the app's Redis, another one, or an SQL database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Annotated

import typer

from rag.commands.progress import bar, stop_on_interrupt
from rag.commands.sessions_output import counted, progress_told
from rag.erasure import delete_documents
from rag.errors import CrosswireError
from rag.inspector import LAYOUTS, Filter, Found, Inspector, Pace
from rag.inspector.layouts.base import Histories
from rag.inspector.views.session_table import Order
from rag.knowledge import open_library
from rag.sessions import SessionStore
from rag.sessions.opening import open_store
from rag.settings import load, without_password

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"{', '.join(LAYOUTS)}; or auto: everything that is recognised by what keys hold.",
    ),
]


@contextmanager
def opened(fmt: str | None = None, prefix: str | None = None, url: str | None = None) -> Iterator[Inspector]:
    """The inspector of this format. url: read there instead of at REDIS_URL, and all that is recognised where no format
    is named. Raises CrosswireError."""
    settings = load()
    fmt = fmt or ("crosswire" if url is None else "auto")
    if url is not None:
        from rag.inspector.databases import is_sql  # here: it loads SQLAlchemy

        if is_sql(url):
            raise CrosswireError("Only `sessions scan` reads SQL databases.")
        settings = settings.model_copy(update={"redis_url": url})
    try:
        client, store = open_store(settings)
    except CrosswireError as exc:
        raise CrosswireError(str(exc).replace("REDIS_URL", "REDIS_URL" if url is None else "--url")) from exc
    try:
        inspector = Inspector(client, store, target=without_password(settings.redis_url))
        yield inspector if fmt == "crosswire" else inspector.of(fmt, prefix)
    finally:
        store.close()
        client.close()


@contextmanager
def histories(fmt: str | None, prefix: str | None, url: str | None) -> Iterator[Histories]:
    """Of the app's Redis, or of any database at this address, where all that is recognised is meant."""
    if url is not None:
        from rag.inspector import databases

        if databases.is_sql(url):
            with databases.opened(url) as database:
                yield database
            return
    with opened(fmt, prefix, url) as inspector:
        yield inspector.histories


def documents_deleted(store: SessionStore, session_ids: Sequence[str]) -> bool:
    """The library is opened for it, which takes long. False: it cannot be, and the sweep of a running server will."""
    with ExitStack() as held:
        return delete_documents(store, lambda: held.enter_context(closing(open_library(load()))), session_ids)


def searched(inspector: Inspector, wanted: Filter, order: Order, limit: int) -> Found:
    """Those that are wanted. Says on standard error what was read for it."""
    pace = Pace()
    with stop_on_interrupt(pace.stop), bar("searching") as moved:
        found = inspector.search(wanted, order, limit, pace, lambda step: moved(*progress_told(step)))
    end = "" if found.complete else ", then stopped"
    typer.echo(f"{counted(found.looked_at)} searched{end}; {found.load}.", err=True)
    return found
