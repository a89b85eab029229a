"""What the inspector's parts share in one script run: whose sessions, who is looking, and what is turned on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from rag.colours import colour
from rag.inspector import LAYOUTS, Inspector
from rag.inspector.forensics.canary import SHORTEST, normal
from rag.safe_text import masked, visible
from rag.services import Services
from rag.sessions.names import friendly_name
from rag.settings import without_password
from rag.ui.inspector.recordings import Source, sources
from rag.ui.inspector.sign_in import login
from rag.ui.visitor import Visitor

INTERVALS = {"Paused": None, "2 s": 2.0, "5 s": 5.0, "30 s": 30.0}
OURS = "crosswire"
TRACED = "traced"
_LOGGED = "inspector_logged"
_ADDRESSED = "inspector_addressed"
_REVEALED = "inspector_revealed"
"""Ids of sessions, of this tab."""


@dataclass(frozen=True, slots=True)
class Context:
    """who: as the log is to say; you: whose own session is marked. every: seconds between refreshes, None for never.

    recorded: what is looked at instead of live sessions; traced: other apps' turns are; people: who its sessions belong
    to, where that is known.
    reveal: all that is opened is shown; otherwise it is for the sessions that somebody asked for.
    """

    services: Services
    inspector: Inspector
    who: str
    you: str
    reveal: bool
    changes: bool
    every: float | None
    recorded: Source | None = None
    traced: bool = False
    people: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        return self.inspector.layout.ours

    def name(self, session_id: str) -> str:
        return self.people.get(session_id) or friendly_name(session_id)

    def colour(self, session_id: str) -> str:
        return colour(self.people.get(session_id, session_id))

    def shows(self, session_id: str) -> bool:
        """Whether this session's texts are shown."""
        return self.reveal or session_id in st.session_state.get(_REVEALED, ())

    def text(self, session_id: str, text: str) -> str:
        """What was said in this session, as it may be shown: by `st.text` or `st.code`, never as Markdown."""
        return visible(text) if self.shows(session_id) else masked(text)

    def looked(self, session_id: str) -> None:
        """Log that this session's texts are shown, once a tab."""
        if self.shows(session_id):
            self.log("reveal", session_id)

    def log(self, what: str, session_id: str) -> None:
        """Once a tab."""
        told = st.session_state.setdefault(_LOGGED, set())
        if self.ours and (what, session_id) not in told:
            self.inspector.store.audit.add(what, session_id, self.who)
            told.add((what, session_id))

    def may_search(self, text: str) -> bool:
        """Where texts are masked, whether one holds a word is not told either; a secret is known to who asks for it."""
        plain = normal(text)
        return self.reveal or (len(plain) >= SHORTEST and any(one.isdigit() for one in plain))

    def reveal_button(self, session_id: str, key: str) -> None:
        """Where texts are masked: shows this session's, until they are hidden again."""
        if self.reveal:
            return
        shown = self.shows(session_id)
        label, icon = ("Hide texts", "visibility_off") if shown else ("Reveal texts", "visibility")
        told = None if shown else "This is logged."
        if st.button(label, icon=f":material/{icon}:", key=key, type="tertiary", help=told,
                     on_click=_turn_over, args=(session_id,)):  # fmt: skip
            st.rerun()  # all of the page, of which this may be a part


def _turn_over(session_id: str) -> None:
    st.session_state[_REVEALED] = {*st.session_state.get(_REVEALED, ())} ^ {session_id}


def open_context(services: Services, me: Visitor) -> Context:
    """Draw the switches, in the sidebar."""
    logged = "Show message texts. Each session you open is logged."
    with st.sidebar:
        every = st.segmented_control(
            "Refresh", list(INTERVALS), default="5 s", required=True, key="every", bind="query-params"
        )
        reveal = st.toggle("Reveal all texts", key="inspector_reveal", help=logged)
        changes = st.toggle("Allow changes", key="inspector_changes", help="Enable the buttons that change sessions.")
        looked_at, recorded = _looked_at(me.session_id)
        inspector = _source(services)
        if changes and not inspector.layout.ours:
            st.caption(":material/lock: These histories are read-only.")
    known, ours = login(), inspector.layout.ours
    who = f"inspector, {known.email if known else me.name}"
    interval = INTERVALS[every] if ours else None
    return Context(
        services, inspector, who, me.session_id, reveal, changes and ours, interval, recorded, looked_at == TRACED
    )


def _looked_at(visitor: str) -> tuple[str, Source | None]:
    """What is looked at instead of the live sessions, if anything is. An address may name it."""
    found = sources(visitor)
    titles = {"": "Live sessions", **{one.id: one.title for one in found.values()}, TRACED: "Other apps’ turns"}
    wanted = st.query_params.get("recording")
    if wanted in titles and st.session_state.get(_ADDRESSED) != wanted:
        st.session_state[_ADDRESSED] = st.session_state["inspector_recording"] = wanted
    chosen = st.selectbox("Look at", list(titles), key="inspector_recording", format_func=titles.__getitem__) or ""
    return chosen, found.get(chosen)


def _source(services: Services) -> Inspector:
    own = Inspector(services.client, services.store, target=without_password(services.settings.redis_url))
    with st.popover("Data source", icon=":material/database:", width="stretch"):
        names = [OURS, "auto", *(name for name in LAYOUTS if name != OURS)]
        titles = {"auto": "Everything recognised", **{name: layout.title for name, layout in LAYOUTS.items()}}
        name = st.selectbox("Format", names, key="inspector_format", format_func=titles.__getitem__)
        prefix = st.text_input(
            "Key prefix", key="inspector_prefix", placeholder="the usual prefix", disabled=name == OURS, max_chars=200
        )
        st.caption("Other formats are read-only. Scans use small steps and at most half of the server's time.")
    return own if name == OURS else own.of(name, prefix or None)
