"""Forensics: reads every session once, in the background, and lists what is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from rag.inspector.forensics.findings import KINDS
from rag.inspector.forensics.scan import Report, scan
from rag.inspector.safe_text import line
from rag.sessions.names import friendly_name
from rag.ui.background_job import Job
from rag.ui.escaping import count, escaped
from rag.ui.inspector import session_table
from rag.ui.inspector.context import Desk

JOB = "inspector_scan"
LISTED = 500
VERDICTS = {"clean": "Nothing is wrong", "trouble": "Something is wrong", "unknown": "It cannot be told"}


def draw(desk: Desk) -> None:
    st.write(
        "Reads every session once, in small steps, and looks for messages of one session in another, half-expired "
        "sessions, questions without answers, and more."
    )
    with st.form("inspector_scan_form"):
        texts = st.text_area(
            "Texts that only one user stated, a line each (optional)",
            key="inspector_canaries",
            placeholder="ORD-48213",
            height=80,
            help="An order number from a support ticket, say: where does it appear, who stated it, who saw it after?",
        )
        started = st.form_submit_button("Scan", icon=":material/search_insights:", type="primary")
    if started:
        if (running := st.session_state.get(JOB)) is not None:
            running.stop()
        canaries = tuple(text.strip() for text in texts.splitlines() if text.strip())
        histories = desk.inspector.histories
        job = Job(lambda pace, step: scan(histories, canaries=canaries, pace=pace, progress=step))
        job.wait(0.5)
        st.session_state[JOB] = job
    found: Job[Report] | None = st.session_state.get(JOB)
    if found is None:
        return
    if found.running():
        st.fragment(_progress, run_every=0.5)(found)
    elif found.problem:
        st.error(found.problem, icon=":material/error:")
    elif found.result is not None:
        _report(found.result)


def _progress(job: Job[Report]) -> None:
    if not job.running():
        st.rerun(scope="app")
    step = job.progress
    text = f"{step.sessions:,} sessions, {step.messages:,} messages, {step.found:,} found" if step else "Reading …"
    st.progress(step.done if step else 0.0, text=text)
    st.button("Stop", icon=":material/stop:", key="inspector_scan_stop", on_click=job.stop)


def _report(report: Report) -> None:
    say = {"clean": st.success, "trouble": st.error, "unknown": st.warning}[report.verdict]
    end = "" if report.complete else " It was stopped, so this is not all."
    say(
        f"**{VERDICTS[report.verdict]}.** {count(report.sessions, 'session')} and {report.messages:,} messages read in "
        f"{report.seconds:.1f} s.{end}"
    )
    if report.sealed:
        st.warning(f"{report.sealed:,} messages are sealed with a key that SESSION_ENCRYPTION_KEYS does not hold.")
    for canary in report.canaries:
        sessions = len({one.session for one in canary.sightings})
        first = f", stated first by {friendly_name(canary.first.session)}" if canary.first else ""
        st.write(
            f"“{escaped(line(canary.text, 60))}”: seen {canary.seen} times in {count(sessions, 'session')}{first}."
        )
    for kind, (severity, what) in KINDS.items():
        if report.counts[kind]:
            st.markdown(f"- **{kind}** ({severity}): {report.counts[kind]:,} × {what}")
    if report.findings:
        _list(report)
    st.download_button(
        "Report as JSON",
        json.dumps(report.to_dict(), indent=1),
        "scan.json",
        "application/json",
        key="inspector_scan_json",
        on_click="ignore",
    )
    st.caption(f"What it cost: {escaped(report.load)}.")


def _list(report: Report) -> None:
    shown = report.findings[:LISTED]
    frame = pd.DataFrame(
        [
            {
                "Kind": one.kind,
                "Severity": one.severity,
                "Session": friendly_name(one.sessions[0]),
                "What": line(one.explanation),
            }
            for one in shown
        ]
    )
    event = st.dataframe(
        frame, hide_index=True, key="inspector_findings", on_select="rerun", selection_mode="single-row", height="auto"
    )
    rows = event["selection"]["rows"]
    if rows:
        sessions = shown[rows[0]].sessions
        st.button(
            "Open these sessions",
            icon=":material/open_in_full:",
            key="inspector_open",
            on_click=_open,
            args=(sessions,),
        )


def _open(sessions: Sequence[str]) -> None:
    session_table.choose(sessions)
    st.session_state["view"] = session_table.TITLE
