"""What a room leaves behind: for each memory that it was on, who was shown whose secret, and the report as files."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from rag.crosstalk.checker.anomalies import FOREIGN_READ
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.log.events import to_json
from rag.crosstalk.report.explain import minimal
from rag.crosstalk.report.export import as_html, as_junit
from rag.crosstalk.room.act import WINDOW
from rag.crosstalk.room.rooms import Played
from rag.crosstalk.strategies import find
from rag.ui.escaping import escaped
from rag.ui.feedback import download
from rag.ui.simulation.run_view import VERDICTS

SHOWN = 40
"""Lines of who was shown whose secret."""


def draw(code: str, acts: Sequence[Played]) -> None:
    """acts: those in which somebody said something."""
    if not acts:
        st.info("Nobody asked anything, so there is no report.", icon=":material/info:")
        return
    for number, act in enumerate(acts, 1):
        with st.container(border=True):
            _act(f"room-{code.lower()}-{number}-{act.memory}", number, act)
    whole = {f"{number}": {"memory": act.memory, **act.report.to_dict()} for number, act in enumerate(acts, 1)}
    download("All of it (JSON)", json.dumps(whole), f"room-{code.lower()}.json", "application/json", "download")


def _act(name: str, number: int, act: Played) -> None:
    box, icon = VERDICTS[act.report.verdict]
    st.markdown(f"##### {number}. {find(act.memory).title}")
    box(escaped(act.report.why), icon=icon)
    lines = _who_saw_whose(act)
    if lines:
        st.markdown("\n".join(f"- {line}" for line in lines[:SHOWN]))
        if len(lines) > SHOWN:
            st.caption(f"{len(lines) - SHOWN} more are in the files.")
    else:
        st.caption(find(act.memory).lesson)
    with st.container(horizontal=True):
        download("Report (HTML)", lambda: _html(name, act), f"{name}.html", "text/html", "description")
        download("JUnit", lambda: as_junit(act.report, name), f"{name}.xml", "application/xml", "rule")
        download("Log", lambda: _log(act), f"{name}.jsonl", "application/jsonl", "data_object")


def _who_saw_whose(act: Played) -> list[str]:
    """`Ada was shown Ben's secret`, of answers alone: what only a prompt held, nobody was shown."""
    seen: dict[str, list[str]] = {}
    for one in _shown(act):
        owners = seen.setdefault(one.user or "", [])
        if one.owner and one.owner not in owners:
            owners.append(one.owner)
    return [
        f"**{escaped(user)}** was shown the secret of {escaped(', '.join(owners))}." for user, owners in seen.items()
    ]


def _shown(act: Played) -> list[Anomaly]:
    return [one for one in act.report.anomalies if one.kind == FOREIGN_READ.kind and one.surface == "answer"]


def _html(name: str, act: Played) -> str:
    first = next(iter(_shown(act)), None)
    example = minimal(act.events, first, window=WINDOW) if first else ()
    return as_html(act.report, name, example, first)


def _log(act: Played) -> str:
    return "".join(f"{to_json(event)}\n" for event in act.events)
