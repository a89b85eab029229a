"""The page from its top: can it answer, what was counted, the probe, limits, settings and versions."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from redis.exceptions import RedisError

from rag.errors import CrosswireError
from rag.probe import results
from rag.services import Services
from rag.ui.system import configuration, probes
from rag.web.monitoring.health import Health
from rag.web.turn import MOST_OF_ONE, MOST_TURNS


def draw(services: Services) -> None:
    st.fragment(_live, run_every=10)(services)
    _settings(services)


def _live(services: Services) -> None:
    _health(services)
    try:
        live, counts = services.store.directory.count(), services.store.audit.counts()
        found = results(services, probes.MOST)
    except (CrosswireError, RedisError) as error:
        st.error(f"Redis does not answer, so what it counts is not shown: {error}", icon=":material/cloud_off:")
    else:
        turns = services.watch.metrics.counts()
        with st.container(horizontal=True):
            st.metric("Live sessions", f"{live:,}", help="Of all processes on this Redis.", border=True)
            st.metric("Turns answered", f"{turns['answered']:,}", help="By this process since its start.", border=True)
            failed = sum(turns.values()) - turns["answered"]
            st.metric("Turns failed", f"{failed:,}", help=_failures(turns), border=True)
            told = "Stored elements that were not shown, because they cannot be read or are another session's."
            st.metric("Quarantined", f"{counts['quarantined']:,}", help=told, border=True)
            told = "Of the quarantined ones, those of another session: cross-talk that was stopped."
            st.metric("Foreign", f"{counts['crosstalk']:,}", help=told, border=True)
        probes.draw(services, found)


def _health(services: Services) -> None:
    state = Health(lambda: services).check()
    told = f"Session store: {state['store']} · Library: {state['library']}"
    if state["status"] == "ok":
        st.success(f"Turns can be answered and stored. {told}", icon=":material/check_circle:")
    else:
        st.error(f"Turns cannot be answered and stored. {told}. The log says why.", icon=":material/error:")


def _failures(turns: dict[str, int]) -> str:
    kinds = [f"{name} {number:,}" for name, number in turns.items() if number and name != "answered"]
    return f"By this process since its start{': ' + ', '.join(kinds) if kinds else ''}."


def _settings(services: Services) -> None:
    st.subheader("Limits", anchor=False)
    st.markdown(
        f"Questions over the API that are under way or wait, in this process: **{MOST_TURNS:,}** in all, "
        f"**{MOST_OF_ONE}** of one session. Further ones are told to come back, with `Retry-After`."
    )
    st.subheader("Settings", anchor=False)
    known = configuration.shown(services.settings)
    rows = [(name, value, "set" if changed else "default") for name, value, changed in known]
    st.dataframe(pd.DataFrame(rows, columns=["variable", "value", "from"]), hide_index=True, width="stretch")
    st.subheader("Versions", anchor=False)
    versions = pd.DataFrame(configuration.versions(), columns=["package", "version"])
    st.dataframe(versions, hide_index=True, width="stretch")
