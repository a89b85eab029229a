"""Forensics: reads every session once, in the background, and lists what is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from rag.inspector import LAYOUTS, Progress
from rag.inspector.forensics.findings import KINDS
from rag.inspector.forensics.scan import Report, scan
from rag.safe_text import line
from rag.sessions.names import friendly_name
from rag.ui.background_job import Job, progress, start
from rag.ui.escaping import count, escaped
from rag.ui.feedback import download
from rag.ui.inspector import examples, session_table
from rag.ui.inspector.context import Context

JOB = "inspector_scan"
LISTED = 500
VERDICTS = {
    "clean": (st.success, "Nothing is wrong"),
    "trouble": (st.error, "Something is wrong"),
    "unknown": (st.warning, "Can't tell"),
}


def draw(context: Context) -> None:
    st.write(
        "Reads every session once, in small steps, and looks for one session's messages in another, half-expired "
        "sessions, questions without answers, and more."
    )
    examples.draw(context, "forensics")
    with st.form("inspector_scan_form"):
        texts = st.text_area(
            "Secrets to look for, one per line (optional)",
            key="inspector_canaries",
            placeholder="ORD-48213",
            height=80,
            help="Something only one user would say, such as an order number: who said it first, and who saw it later?",
        )
        started = st.form_submit_button("Scan", icon=":material/search_insights:", type="primary")
    found: Job[Progress, Report] | None = st.session_state.get(JOB)
    if started:
        canaries = tuple(text.strip() for text in texts.splitlines() if text.strip())
        histories = context.inspector.histories
        found = start(JOB, lambda pace, tell: scan(histories, canaries=canaries, pace=pace, progress=tell), told=str)
    if found is not None and found.running():
        progress(found, _scanned, "inspector_scan")
    elif found is not None and found.problem:
        st.error(found.problem, icon=":material/error:")
    elif found is not None and found.result is not None:
        _report(found.result)


def _scanned(step: Progress) -> tuple[float, str]:
    return step.done, f"{step.sessions:,} sessions, {step.messages:,} messages, {step.found:,} found"


def _report(report: Report) -> None:
    say, verdict = VERDICTS[report.verdict]
    end = "" if report.complete else " The scan was stopped early."
    say(
        f"**{verdict}.** {count(report.sessions, 'session')} and {report.messages:,} messages read in "
        f"{report.seconds:.1f} s.{end}"
    )
    if report.sealed:
        st.warning(f"{report.sealed:,} elements could not be read: their key is missing, or their format is unknown.")
    for canary in report.canaries:
        sessions = len({one.session for one in canary.sightings})
        first = f", first said by {friendly_name(canary.first.session)}" if canary.first else ""
        st.write(
            f"“{escaped(line(canary.text, 60))}”: seen {canary.seen} times in {count(sessions, 'session')}{first}."
        )
    for kind, (severity, what) in KINDS.items():
        if report.counts[kind]:
            st.markdown(f"- **{kind}** ({severity}): {report.counts[kind]:,} × {what}")
    _list(report)
    _seen(report)
    report_json = json.dumps(report.to_dict(), indent=1)
    download("Report as JSON", report_json, "scan.json", "application/json", key="inspector_scan_json")
    st.caption(f"Server load: {escaped(report.load)}.")


def _seen(report: Report) -> None:
    """Which layouts were read, and what was looked at and not read."""
    if report.layouts:
        read = ", ".join(f"{LAYOUTS[name].title} ({count:,})" for name, count in report.layouts.most_common())
        st.caption(f"Read: {read}.")
    seen = report.seen
    if seen.doubtful:
        st.warning(f"{count(seen.doubtful, 'key')} could hold messages and could not be read.")
        rows = [{"Key": line(one.key, 60), "Type": one.type, "Why": line(one.why)} for one in seen.unread]
        st.dataframe(rows, hide_index=True, key="inspector_unread", height="auto")
    if seen.nothing:
        kinds = ", ".join(f"{number:,} × {kind}" for kind, number in seen.nothing.most_common())
        st.caption(f"Looked at, without messages: {escaped(kinds)}.")


def _list(report: Report) -> None:
    shown = report.findings[:LISTED]
    if not shown:
        return
    rows = [
        {
            "Kind": one.kind,
            "Severity": one.severity,
            "Session": friendly_name(one.sessions[0]),
            "Finding": ("" if one.certain else "Suspected: ") + line(one.explanation),
        }
        for one in shown
    ]
    table = st.dataframe(
        rows, hide_index=True, key="inspector_findings", on_select="rerun", selection_mode="single-row", height="auto"
    )
    for row in table["selection"]["rows"]:
        st.button(
            "Open these sessions",
            icon=":material/open_in_full:",
            key="inspector_open",
            on_click=_open,
            args=(shown[row].sessions,),
        )


def _open(sessions: Sequence[str]) -> None:
    session_table.choose(sessions)
    st.session_state["view"] = session_table.TITLE
