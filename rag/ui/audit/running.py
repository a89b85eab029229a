"""An audit while it goes on: how far it is, what it is at, and what came so far, by level."""

from __future__ import annotations

import streamlit as st

from rag.audit.checks import CHECKS
from rag.audit.report.files import by_level
from rag.audit.run.background import Auditing
from rag.ui.audit.words import badge, counts
from rag.ui.escaping import code, escaped


def draw(shown: Auditing) -> None:
    target, running = shown.target, shown.running  # once: they change meanwhile, and are empty between two targets
    place = f"{shown.targets.index(target) + 1} of {len(shown.targets)}: " if target and len(shown.targets) > 1 else ""
    doing = f"{place}{code(target)}" if target else "Beginning"
    st.progress(min(1.0, shown.share), text=f"{doing} {code(running) if running else '…'}")
    if running:
        st.caption(CHECKS[running].asserts)
    for name in reversed(shown.audits):
        if len(shown.targets) > 1:
            st.markdown(f"**{escaped(name)}**")
        if name in shown.problems:
            st.error(escaped(shown.problems[name]), icon=":material/error:")
        for level, _, rows in by_level(shown.audits[name]):
            wanted = sum(check.level == level for check in shown.checks)
            outcomes = [outcome for _, outcome in rows]
            st.markdown(f"{code(level)} {len(outcomes)}/{wanted} {counts(outcomes)}")
            for outcome in outcomes:
                if outcome.status == "fail":
                    st.markdown(f"{badge('fail')} {code(outcome.id)} {CHECKS[outcome.id].asserts}")
