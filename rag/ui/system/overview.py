"""The page from its top: can it answer, what was counted, the probe, limits, settings and versions."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from redis.exceptions import RedisError

from rag.errors import LIMITS, CrosswireError
from rag.limits.under_way import MOST
from rag.probe import Probe, results
from rag.services import Services
from rag.settings import Settings
from rag.ui.system import configuration, probes
from rag.web.monitoring.health import Health


def draw(services: Services) -> None:
    st.fragment(_live, run_every=10)(services)
    _settings(services)


def _live(services: Services) -> None:
    _health(services)
    shared: tuple[int, dict[str, int], list[Probe]] | None = None
    try:
        shared = (
            services.store.directory.count(),
            services.store.audit.counts(),
            results(services, probes.MOST),
        )
    except (CrosswireError, RedisError) as error:
        st.error(f"Redis does not answer, so what it counts is not shown: {error}", icon=":material/cloud_off:")
    turns, refusals = services.watch.metrics.counts(), services.watch.metrics.refusals()
    failed = sum(turns.values()) - turns["answered"] - turns["stopped"]
    with st.container(horizontal=True):
        if shared is not None:
            st.metric("Live sessions", f"{shared[0]:,}", help="Of all processes on this Redis.", border=True)
        told = f"By this process since its start; {turns['stopped']:,} more were stopped by whoever asked."
        st.metric("Turns answered", f"{turns['answered']:,}", help=told, border=True)
        st.metric("Turns failed", f"{failed:,}", help=_failures(turns), border=True)
        st.metric("Refused", f"{sum(refusals.values()):,}", help=_refused(refusals), border=True)
        if shared is not None:
            told = "Stored elements that were not shown, because they cannot be read or are another session's."
            st.metric("Quarantined", f"{shared[1]['quarantined']:,}", help=told, border=True)
            told = "Of the quarantined ones, those of another session: cross-talk that was stopped."
            st.metric("Foreign", f"{shared[1]['crosstalk']:,}", help=told, border=True)
    if shared is None:
        probes.away()
    else:
        probes.draw(services, shared[2])


def _health(services: Services) -> None:
    state = Health(lambda: services).check()
    told = f"Session store: {state['store']} · Library: {state['library']}"
    if state["status"] == "ok":
        st.success(f"Turns can be answered and stored. {told}", icon=":material/check_circle:")
    else:
        st.error(f"Turns cannot be answered and stored. {told}. The log says why.", icon=":material/error:")


def _failures(turns: dict[str, int]) -> str:
    kinds = [f"{name} {number:,}" for name, number in turns.items() if number and name not in ("answered", "stopped")]
    return f"By this process since its start{': ' + ', '.join(kinds) if kinds else ''}."


def _limits(settings: Settings) -> str:
    rows = (
        ("Questions a minute", settings.limit_session_turns, settings.limit_address_turns),
        ("Questions at once, per process", settings.limit_session_at_once, settings.limit_address_at_once),
        ("Documents a minute", settings.limit_session_uploads, settings.limit_address_uploads),
        ("New sessions a minute", None, settings.limit_address_sessions),
    )
    shown = "\n".join(f"| {what} | {_number(own)} | {_number(shared)} |" for what, own, shared in rows)
    longest = settings.limit_wait_seconds
    full = f"Once {MOST:,} are under way"
    busy = f"Once they wait longer than {longest:g} s and longer than an answer takes" if longest else full
    return (
        f"| At most | Per session | Per address |\n|---|---|---|\n{shown}\n\n"
        f"Questions queue in their process. {busy}, further ones are refused at once: the server is busy. "
        "Whoever is refused is told when to come back. An address is one IPv4 address, or a /64 network of IPv6."
    )


def _number(most: int | None) -> str:
    return "–" if most is None else f"{most:,}" if most else "no limit"


def _refused(refusals: dict[str, int]) -> str:
    kinds = [f"{LIMITS[reason]}: {number:,}" for reason, number in refusals.items() if number]
    return "  \n".join(["By this process since its start, before anything began, because of a limit.", *kinds])


def _settings(services: Services) -> None:
    st.subheader("Limits", anchor=False)
    st.markdown(_limits(services.settings))
    st.subheader("Settings", anchor=False)
    known = configuration.shown(services.settings)
    rows = [(name, value, "set" if changed else "default") for name, value, changed in known]
    st.dataframe(pd.DataFrame(rows, columns=["Variable", "Value", "From"]), hide_index=True, width="stretch")
    st.subheader("Versions", anchor=False)
    versions = pd.DataFrame(configuration.versions(), columns=["Package", "Version"])
    st.dataframe(versions, hide_index=True, width="stretch")
