"""What is to be audited, and by which checks.

A name is a factory of ours. An import path is code that runs on this machine, with its owner's rights: it is offered to
whoever came by the server's own link, and to nobody else. So are targets on a server of the owner's.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rag.audit.checks import CHECKS, LEVELS, Check
from rag.audit.run.background import MOST_TARGETS
from rag.audit.run.needing import missing, server, unnamed
from rag.audit.run.session import selected
from rag.audit.targets import NAMED
from rag.inspector.access import opens_by_link
from rag.settings import Settings
from rag.ui.escaping import code, count
from rag.ui.inspector.sign_in import linked

FIRST = "langgraph-memory"
"""What is chosen at first, where it is installed: it is quick, and has something to show."""
OWNER_ONLY = "only for whoever runs this server"
BY_LINK = ":material/lock: Your own store, too, if you open the link that this server wrote when it started."
BY_COMMAND = (
    ":material/terminal: Your own store, too, where this server runs: `python -m rag audit package.module:function`"
)
Chosen = tuple[Sequence[str], Sequence[Check]]


def owner(settings: Settings) -> bool:
    """Whether this browser came by the link that only who runs the server can read. The inspector's password is no
    right to run code, and where a request comes from says nothing: a proxy on this machine makes everybody local."""
    return opens_by_link(settings) and linked(settings)


def draw(settings: Settings, *, busy: bool) -> Chosen | None:
    """The choice, if it is to be audited now."""
    mine = owner(settings)
    lacking = {name: missing(name) or (unnamed(name) if mine else server(name)) for name in NAMED}
    here = [name for name in NAMED if not lacking[name]]
    first = [FIRST] if FIRST in here else here[:1]
    named = st.multiselect(
        "Stores", here, default=first, key="audit_targets", persist_state="page", max_selections=MOST_TARGETS, wrap=True
    )
    targets = [name for name in named if name in here]  # what a browser sends may be any text
    if mine:
        path = st.text_input(
            "Or your own store",
            key="audit_path",
            persist_state="page",
            max_chars=500,
            placeholder="package.module:function",
            help="The function that creates it. It is imported and run on this machine, in its own process. Offered "
            "only if you opened the link that this server wrote when it started.",
        ).strip()
        targets += [path] if path else []
    else:
        st.caption(BY_LINK if opens_by_link(settings) else BY_COMMAND)
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
        told = {name: code(why) if mine or why.startswith("pip ") else OWNER_ONLY for name, why in lacking.items()}
        for takes in dict.fromkeys(told.values()):
            names = ", ".join(name for name, why in told.items() if why == takes)
            st.markdown(f":gray[{names}]  \n:small[{takes}]")
