"""After a run: who saw whom with both transcripts, the anomalies, time, the smallest example, the source, the files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from rag.crosstalk.background.runs import Outcome, Run
from rag.crosstalk.checker.anomalies import DEFINITIONS, Definition
from rag.crosstalk.checker.findings import Anomaly
from rag.crosstalk.checker.sentences import BY_DESIGN
from rag.crosstalk.report import known
from rag.crosstalk.report.export import as_html, as_junit, matrix
from rag.crosstalk.report.headline import TERMS
from rag.crosstalk.report.reproduce import command, file_name, of_run, of_target
from rag.crosstalk.report.transcript import lanes
from rag.crosstalk.run.people import label
from rag.crosstalk.strategies import STRATEGIES, guilty_lines, source
from rag.ui.escaping import escaped
from rag.ui.feedback import download
from rag.ui.palette import OUTCOMES, RIGHT
from rag.ui.simulation import evidence

PHASES = ("wait", "load", "retrieve", "ask", "save")
SUSPECTS = 25
WHO = ":material/grid_on: Who saw whom"
ENDS = {"ok": "answered", "fail": "failed", "info": "cancelled"}


def draw(run: Run) -> None:
    """Everything about the outcome that was chosen. Only the part that is open is made: some read the whole log."""
    names = [name for name in run.strategies if name in run.outcomes]
    if not names:
        return
    worst = max(names, key=lambda name: sum(run.outcomes[name].report.counts.values()))
    chosen = names[0]
    if len(names) > 1:
        chosen = st.segmented_control("Results of", names, default=worst, key=f"look-{run.id}", required=True)
    outcome = run.outcomes[chosen]
    parts: dict[str, Callable[[], None]] = {
        WHO: lambda: _who_saw_whom(run, outcome),
        ":material/list: Anomalies": lambda: _anomalies(outcome),
        ":material/account_tree: Smallest example": lambda: evidence.smallest(outcome),
        ":material/timeline: Timeline": lambda: _timeline(outcome),
        ":material/speed: Latency": lambda: _latency(outcome),
        **({} if run.target else {":material/code: Source": lambda: _source(chosen)}),
        ":material/download: Files": lambda: _files(run, outcome),
    }
    if outcome.report.shapes:
        parts[f":material/forum: {known.ASKED}"] = lambda: _shapes(outcome)
    if outcome.report.suspected:
        parts[f":material/help: {known.SUSPECTED}"] = lambda: _suspected(outcome)
    parts[":material/menu_book: Glossary"] = _glossary
    for tab, draw_part in zip(st.tabs(list(parts), key="results", on_change="rerun"), parts.values(), strict=True):
        with tab:
            if tab.open:
                draw_part()


def links(run: Run, outcome: Outcome) -> None:
    """See it, see the line: each opens over the page."""
    key = f"{run.id}-{outcome.strategy}"
    pair = next(_telling(outcome), None)
    if pair and st.button("See it", key=f"see-{key}", icon=":material/visibility:"):
        _see(outcome, *pair)
    guilty = not run.target and guilty_lines(outcome.strategy)
    if guilty and st.button("See the line", key=f"line-{key}", icon=":material/code:"):
        _see_the_line(outcome.strategy)


@st.dialog("Both conversations", width="large")
def _see(outcome: Outcome, victim: str, owner: str) -> None:
    evidence.side_by_side(outcome, victim, owner)


@st.dialog("The line", width="large")
def _see_the_line(name: str) -> None:
    _source(name)


def _glossary() -> None:
    for term, text in TERMS.items():
        st.markdown(f"**{term}**: {escaped(text)}")


def _who_saw_whom(run: Run, outcome: Outcome) -> None:
    table = matrix(outcome.report.seen)
    if not table.counts:
        st.success("Nobody was shown anybody else's data.", icon=":material/check_circle:")
        return
    pairs = [(user, owner) for user, owner in table.counts if user in table.rows and owner in table.columns]
    rows = [{"viewer": user, "owner": owner, "times": table.counts[user, owner]} for user, owner in pairs]
    key = f"{run.id}-{outcome.strategy}"
    st.caption("Rows were shown the data of columns. Click a cell to see both conversations.")
    picked = alt.selection_point(name="cell", fields=["viewer", "owner"], on="click")
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_rect(cornerRadius=2)
        .encode(
            x=alt.X("owner:N", sort=list(table.columns), axis=alt.Axis(orient="top", labelAngle=-90)),
            y=alt.Y("viewer:N", sort=list(table.rows)),
            color=alt.Color("times:Q", scale=alt.Scale(scheme="orangered"), legend=None),
            opacity=alt.condition(picked, alt.value(1.0), alt.value(0.55)),
            tooltip=["viewer:N", "owner:N", "times:Q"],
        )
        .add_params(picked)
        .properties(height=max(180, 16 * len(table.rows)))
    )
    st.altair_chart(chart, on_select=lambda: _take_cell(key), key=f"matrix-{key}", alt="Who saw whom")
    if table.left_out:
        st.caption(f"Only the users with the most leaks are shown; {table.left_out} more are in the files.")
    if f"saw-{key}" not in st.session_state:
        first = next((pair for pair in _telling(outcome) if pair in pairs), pairs[0])
        st.session_state[f"saw-{key}"], st.session_state[f"whose-{key}"] = first
    left, right = st.columns(2)
    victim = left.selectbox("Viewer", sorted({user for user, _ in pairs}), key=f"saw-{key}")
    owners = sorted(owner for user, owner in pairs if user == victim)
    if st.session_state.get(f"whose-{key}") not in owners:
        st.session_state[f"whose-{key}"] = owners[0]
    owner = right.selectbox("Owner of the data", owners, key=f"whose-{key}")
    evidence.side_by_side(outcome, victim, owner)


def _take_cell(key: str) -> None:
    """The lists follow the cell that was clicked."""
    for cell in st.session_state[f"matrix-{key}"]["selection"].get("cell") or ():
        st.session_state[f"saw-{key}"], st.session_state[f"whose-{key}"] = cell["viewer"], cell["owner"]


def _telling(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Who was shown whose data, what says most first: what a user could read, then what the model was given."""
    for user, owner in enumerate(outcome.about["field"]["told"]):
        if owner >= 0:
            yield label(user), label(owner)
    for anomaly in outcome.report.anomalies:
        if anomaly.surface in ("answer", "prompt") and anomaly.user and anomaly.owner and anomaly.user != anomaly.owner:
            yield anomaly.user, anomaly.owner


def _anomalies(outcome: Outcome) -> None:
    report = outcome.report
    found = [definition for kind, definition in DEFINITIONS.items() if report.counts.get(kind)]
    clean = [kind for kind in DEFINITIONS if not report.counts.get(kind)]
    if not found:
        st.success("No anomalies found.", icon=":material/check_circle:")
    else:
        rows = [
            {
                "kind": one.kind,
                "severity": one.severity,
                "users": report.reached[one.kind].users if one.kind in report.reached else None,
                "turns": report.reached[one.kind].turns if one.kind in report.reached else None,
                "occurrences": report.counts[one.kind],
                "what it is": one.text,
            }
            for one in found
        ]
        state: Any = st.dataframe(
            rows,
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row-required",
            key=f"kinds-{outcome.about['run']}",
            column_config={"occurrences": st.column_config.NumberColumn(format="localized")},
        )
        chosen = next(iter(state["selection"]["rows"]), 0)
        _kind(outcome, found[chosen if chosen < len(found) else 0])
    st.caption("Checked for and not found: " + ", ".join(clean) + "." if clean else "")


def _kind(outcome: Outcome, definition: Definition) -> None:
    st.markdown(f"**{definition.kind}** ({definition.term}). {definition.cause} *Fix:* {definition.remedy}")
    shown = [anomaly for anomaly in outcome.report.anomalies if anomaly.kind == definition.kind]
    rows = [
        {
            "user": one.user,
            "owner": one.owner,
            "where": one.surface,
            "what happened": one.explanation,
            "evidence": one.evidence,
        }
        for one in shown
    ]
    st.dataframe(rows, hide_index=True, key=f"kind-{outcome.about['run']}-{definition.kind}")
    if outcome.report.counts[definition.kind] > len(shown):
        st.caption(f"The first {len(shown)} are shown; the files have more.")


def _shapes(outcome: Outcome) -> None:
    rows = [dict(zip(known.HEADS, row, strict=True)) for row in known.shapes(outcome.report)]
    st.dataframe(rows, hide_index=True, key=f"shapes-{outcome.about['run']}")
    st.caption(
        "Chances: answered turns in which somebody else's data could have been seen. Leaks: turns that had it. "
        "Leak rate: at 95 % confidence, where none leaked."
    )


def _suspected(outcome: Outcome) -> None:
    st.caption(known.ABOUT_SUSPECTED)
    for one in outcome.report.suspected[:SUSPECTS]:
        st.markdown(f":material/help: {escaped(one.explanation)}")
        st.caption(f"{one.surface}: {escaped(one.evidence)}")
    more = len(outcome.report.suspected) - SUSPECTS
    if more > 0:
        st.caption(f"{more:,} more are in the files.")


def _timeline(outcome: Outcome) -> None:
    leaked = [anomaly.user for anomaly in outcome.report.anomalies if anomaly.user]
    turns = lanes(outcome.log, list(dict.fromkeys(leaked)))
    if not turns:
        st.info("No turns ran.", icon=":material/info:")
        return
    groups = {kind: definition.group for kind, definition in DEFINITIONS.items()}
    wrong = {anomaly.op: anomaly.kind for anomaly in reversed(outcome.report.anomalies) if anomaly.op is not None}
    several = len({turn.tab for turn in turns}) > 1
    rows = [
        {
            "user": f"{turn.user} · tab {turn.tab + 1}" if several else turn.user,
            "from": turn.at,
            "to": max(turn.ended, turn.at + 0.0005),
            "what": wrong.get(turn.op) or ENDS.get(turn.end, "open"),
            "state": groups.get(wrong.get(turn.op, "")) or ENDS.get(turn.end, "open"),
        }
        for turn in turns
    ]
    colours = {"answered": OUTCOMES[RIGHT], "failed": "#5c6bc0", "cancelled": "#94a3b8", "open": "#cbd5e1", **OUTCOMES}
    there = [name for name in colours if any(row["state"] == name for row in rows)]
    scale = alt.Scale(domain=there, range=[colours[name] for name in there])
    st.caption(f"Turns over time, {len({turn.user for turn in turns})} users. Scroll to zoom, drag to pan.")
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(cornerRadius=2, height={"band": 0.8})
        .encode(
            x=alt.X("from:Q", title="seconds"),
            x2="to:Q",
            y=alt.Y("user:N", sort=None, title=None),
            color=alt.Color("state:N", title=None, scale=scale, legend=alt.Legend(orient="top", columns=4)),
            tooltip=["user:N", "what:N", alt.Tooltip("from:Q", format=".4f"), alt.Tooltip("to:Q", format=".4f")],
        )
        .properties(height=max(160, 15 * len({row["user"] for row in rows})))
        .interactive(bind_y=False)
    )
    st.altair_chart(chart, alt="Turns over time")


def _latency(outcome: Outcome) -> None:
    figures = outcome.about["figures"]
    st.caption("Where the time of an answered turn goes, on average.")
    phases = [{"phase": name, "ms": figures["phases"].get(name, 0.0) * 1000} for name in PHASES]
    st.bar_chart(
        phases,
        x="phase",
        y="ms",
        x_label="",
        y_label="milliseconds per turn",
        color=OUTCOMES["stale"],
        horizontal=True,
        sort=False,
        height=180,
        alt="Latency by phase",
    )
    trips = figures["round_trips"]
    values = {
        **{name: f"{figures[name] * 1000:,.1f} ms" for name in ("p50", "p95", "p99")},
        "In flight (mean)": f"{figures['mean_in_flight']:.1f}",
        "Redis round trips per turn": "none" if trips is None else f"{trips:.1f}",
    }
    with st.container(horizontal=True):
        for name, value in values.items():
            st.metric(name, value, border=True, width="content")


def _source(name: str) -> None:
    kind, lines = STRATEGIES[name], guilty_lines(name)
    st.markdown(f"**{escaped(kind.lesson)}**")
    st.markdown(escaped(kind.wrong))
    if not kind.keeps:
        st.info(f"It {BY_DESIGN}: isolation is what it is judged by.", icon=":material/info:")
    if lines:
        st.error(
            f"The bug: line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}",
            icon=":material/bug_report:",
        )
        text = source(name).splitlines()
        st.code("\n".join(f"{number:>3}  {text[number - 1]}" for number in lines), language="python")
    st.code(source(name), language="python", line_numbers=True)
    st.success(f"The fix: {escaped(kind.fix)}", icon=":material/build:")
    if kind.seen:
        st.caption("Seen in the wild: " + "; ".join(map(escaped, kind.seen)))


def _files(run: Run, outcome: Outcome) -> None:
    """A run as files: for people, for machines, for CI."""
    stem = f"crosswire-{outcome.strategy}-{run.workload.seed}"
    first = next(iter(outcome.report.anomalies), None)

    def html() -> str:
        example = outcome.smallest(first) if first else ()
        return as_html(outcome.report, run.title(outcome.strategy), example, first, outcome.about["notes"])

    repeat = (
        command(run.workload, target=run.target) if run.target else command(run.workload, strategy=outcome.strategy)
    )
    st.caption(
        f"To repeat this run: `{repeat.replace('`', '')}`{' with `--spec FILE`, the description' * bool(run.target)}"
    )
    with st.container(horizontal=True):
        download("Report (HTML)", html, f"{stem}.html", "text/html", "description")
        download("Report (JSON)", outcome.whole.read_bytes, f"{stem}.json", "application/json", "data_object")
        junit, notes = f"{stem}.xml", outcome.about["notes"]
        download(
            "JUnit",
            lambda: as_junit(outcome.report, run.title(outcome.strategy), notes),
            junit,
            "application/xml",
            "checklist",
        )
        if run.box is not None:
            download("Description (YAML)", run.box.spec, f"{stem}.yaml", "application/yaml", "tune")
        if first is not None and (run.box is not None or not run.target):
            download(
                "Failing test (pytest)",
                lambda: _test(run, outcome, first).encode(),
                file_name(outcome.strategy, first.kind),
                "text/x-python",
                "science",
                help="This run as a test. It fails until the mix-up is fixed.",
            )
        download("Operation log", outcome.log.read_bytes, f"{stem}.jsonl", "application/jsonl", "receipt_long")


def _test(run: Run, outcome: Outcome, first: Anomaly) -> str:
    if run.box is None:
        return of_run(outcome.strategy, run.workload, first)
    return of_target(run.target, run.box.spec, run.workload, first)
