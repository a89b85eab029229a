"""What an audit found: a matrix where there are several targets, a card for each check, and the reports as files."""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import streamlit as st

from rag.audit.checks import CHECKS, LEVELS
from rag.audit.report.files import as_html, as_junit, by_level
from rag.audit.results import ORDER, Audit
from rag.audit.run.background import Auditing
from rag.safe_text import line
from rag.ui.audit import card
from rag.ui.audit.words import TINTS, counts, sign
from rag.ui.escaping import code, count, escaped
from rag.ui.feedback import download

EMPTY = """\
1. Choose one or several stores, and press *Audit*.
2. Watch the checks go by. Where calls can overlap, one is held while the other runs: a race shows at the first try.
3. Each failure has its evidence, who did what in which order, and a pytest file that shows it without Crosswire.

| a store may claim | that | checks |
|:--|:--|--:|
{levels}

The same from a terminal: `python -m rag audit langgraph-memory`"""
VERDICTS = {"pass": "no check failed", "unknown": "cannot tell"}


def empty() -> None:
    have = Counter(check.level for check in CHECKS.values())
    levels = [f"| {code(level)} | {claim} | {have[level]} |" for level, claim in LEVELS.items()]
    with st.container(border=True):
        st.markdown(EMPTY.format(levels="\n".join(levels)))


def draw(shown: Auditing) -> None:
    for problem in shown.problems.values():
        st.error(escaped(problem), icon=":material/error:")
    audits = [each for each in shown.audits.values() if each.outcomes]
    tried = {*shown.problems, *(each.target for each in audits)}
    if left := [name for name in shown.targets if name not in tried]:
        st.info(f"Stopped before a check was done: {escaped(line(', '.join(left)))}", icon=":material/info:")
    if not audits:
        return
    chosen = audits[0]
    if len(audits) > 1:
        _matrix(audits)
        names = [each.target for each in audits]
        name = st.segmented_control("Results of", names, default=names[0], required=True, key="audit_shown")
        chosen = next((each for each in audits if each.target == name), chosen)
    _one(chosen)


def _matrix(audits: list[Audit]) -> None:
    """What went wrong somewhere comes first; the rest is behind a line that counts it."""
    whole = matrix(audits)
    clear = whole.isin([sign("pass"), sign("not applicable")]).all(axis="columns")
    if not clear.all():
        _table(whole[~clear])
    if clear.any():
        with st.expander(f"{count(int(clear.sum()), 'check')} that failed nowhere", icon=":material/checklist:"):
            _table(whole[clear])


def _table(rows: pd.DataFrame) -> None:
    st.dataframe(
        rows.style.map(lambda cell: TINTS.get(cell, "")),
        height="content",
        placeholder="not tried",
        column_config={"_index": st.column_config.TextColumn("check", pinned=True, width=200)},
    )


def matrix(audits: list[Audit]) -> pd.DataFrame:
    """Checks by targets."""
    columns = {line(each.target, 60): {one.id: sign(one.status) for one in each.outcomes} for each in audits}
    order = list(dict.fromkeys(row.id for each in audits for _, _, rows in by_level(each) for row, _ in rows))
    return pd.DataFrame(columns).reindex(order)


def _one(audit: Audit) -> None:
    failed = audit.counts["fail"]
    told = f"{count(failed, 'check')} failed" if failed else VERDICTS[audit.status]
    st.subheader(f"{escaped(line(audit.target, 100))}: {told}", anchor=False)
    versions = "".join(f" · {escaped(name)} {escaped(version)}" for name, version in audit.versions.items())
    st.caption(f"{escaped(line(audit.interface))}{versions} · Python {audit.python} · {audit.seconds:.0f} s")
    if audit.partial:
        st.warning(f"Stopped: {count(len(audit.left), 'check')} not tried.", icon=":material/stop_circle:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(counts(audit.outcomes), width="content")
        stem = "audit-" + "".join(one if one.isalnum() else "-" for one in audit.target)[:60]
        download("HTML", lambda: as_html(audit), f"{stem}.html", "text/html", "description", key="audit_html")
        download("JSON", lambda: _json(audit), f"{stem}.json", "application/json", "data_object", key="audit_json")
        download("JUnit", lambda: as_junit(audit), f"{stem}.xml", "application/xml", "science", key="audit_junit")
    levels = by_level(audit)
    for level, claim, rows in sorted(
        levels, key=lambda each: not any(outcome.status == "fail" for _, outcome in each[2])
    ):
        st.markdown(f"##### {level}\n{claim} {counts(outcome for _, outcome in rows)}")
        open_ = [(check, outcome) for check, outcome in rows if outcome.status in ("fail", "unknown")]
        for check, outcome in sorted(open_, key=lambda each: ORDER.index(each[1].status)):
            card.draw(check, outcome, f"audit_{audit.target}_{check.id}")
        rest = [(check, outcome) for check, outcome in rows if (check, outcome) not in open_]
        if rest:
            held = sum(outcome.status == "pass" for _, outcome in rest)
            parts = {
                f"{held} hold{'s' if held == 1 else ''}": held,
                f"{len(rest) - held} not applicable": len(rest) - held,
            }
            with st.expander(", ".join(part for part, number in parts.items() if number), icon=":material/checklist:"):
                for check, outcome in rest:
                    card.draw(check, outcome, f"audit_{audit.target}_{check.id}")


def _json(audit: Audit) -> str:
    return json.dumps(audit.to_dict(), indent=2)
