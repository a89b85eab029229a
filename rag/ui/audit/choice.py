"""What is to be audited, and by which checks.

A name is a factory of ours. An import path is code that runs on this machine, with its owner's rights: it is offered to
whoever opened the page on the machine itself, and to nobody else. So are targets on a server of the owner's.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag.audit.checks import CHECKS, LEVELS, Check
from rag.audit.run.background import MOST_TARGETS
from rag.audit.run.needing import missing, server, unnamed
from rag.audit.run.session import selected
from rag.audit.targets import NAMED
from rag.settings import Settings
from rag.ui.escaping import code, count
from rag.web.origin import on_this_machine

FIRST = "langgraph-memory"
"""What is chosen at first, where it is installed: it is quick, and has something to show."""
HERE_ONLY = "on the machine itself only"
Chosen = tuple[Sequence[str], Sequence[Check]]


def owner(settings: Settings) -> bool:
    """Whether the page was opened on this machine. The inspector's password is no right to run code."""
    return on_this_machine(st.context.headers.to_dict(), st.context.ip_address, settings.allowed_origins)


def draw(settings: Settings, *, busy: bool) -> Chosen | None:
    """The choice, if it is to be audited now."""
    mine = owner(settings)
    lacking = {name: missing(name) or (unnamed(name) if mine else server(name)) for name in NAMED}
    here = [name for name in NAMED if not lacking[name]]
    first = [FIRST] if FIRST in here else here[:1]
    targets = st.multiselect(
        "Stores", here, default=first, key="audit_targets", persist_state="page", max_selections=MOST_TARGETS, wrap=True
    )
    if mine:
        path = st.text_input(
            "Or your own store",
            key="audit_path",
            persist_state="page",
            max_chars=500,
            placeholder="package.module:function",
            help="The function that creates it. It is imported and run on this machine, in its own process. Offered "
            "only to visitors on the machine itself.",
        ).strip()
        targets = [*targets, *([path] if path else [])]
    levels = st.pills(
        "Levels",
        _levels(),
        default=_levels(),
        selection_mode="multi",
        key="audit_levels",
        persist_state="page",
        wrap=True,
        help="  \n".join(f"**{level}** {LEVELS[level]}" for level in _levels()),
    )
    checks = selected(levels) if levels else []
    ready = bool(targets and checks) and not busy
    label = f"Audit with {count(len(checks), 'check')}" if checks else "Audit"
    wanted = st.button(label, type="primary", icon=":material/fact_check:", disabled=not ready, width="stretch")
    _not_here({name: why for name, why in lacking.items() if why}, mine)
    return (targets, checks) if wanted and ready else None


def _levels() -> list[str]:
    """Those that have checks."""
    return [level for level in LEVELS if any(check.level == level for check in CHECKS.values())]


def _not_here(lacking: dict[str, str], mine: bool) -> None:
    """What cannot be opened, by what it takes."""
    if not lacking:
        return
    with st.expander(f"{count(len(lacking), 'store')} not available here", icon=":material/block:"):
        told = {name: code(why) if mine or why.startswith("pip ") else HERE_ONLY for name, why in lacking.items()}
        for takes in dict.fromkeys(told.values()):
            names = ", ".join(name for name, why in told.items() if why == takes)
            st.markdown(f":gray[{names}]  \n:small[{takes}]")
