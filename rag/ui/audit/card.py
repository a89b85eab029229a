"""One check at one store: what it asserts, what was seen, how it was tried, who did what, and how to see it again."""

from __future__ import annotations

import streamlit as st

from rag.audit.checks import Check
from rag.audit.kit.trial import MEANWHILE
from rag.audit.report.files import Replay
from rag.audit.results import Outcome
from rag.safe_text import line, visible
from rag.ui.audit.in_the_lab import IN_THE_LAB
from rag.ui.audit.words import badge, took
from rag.ui.escaping import escaped
from rag.ui.feedback import download
from rag.ui.palette import NAMED

LONGEST = 160
"""Characters of a step."""


def draw(check: Check, outcome: Outcome, key: str) -> None:
    title = f"{badge(outcome.status)} **{check.id}** {check.asserts}"
    with st.expander(title, expanded=outcome.status == "fail"):
        if outcome.evidence:
            st.markdown(escaped(visible(outcome.evidence)))
        if outcome.documented:
            st.info(escaped(visible(outcome.documented)), icon=":material/menu_book:")
        source = f" [Source]({check.link})" if check.link else ""
        st.caption(f"Why: {check.why}{source}")
        tried = " · ".join(escaped(line(note)) for note in outcome.tried)
        figures = "".join(f" · {escaped(line(name))}: {figure:g}" for name, figure in outcome.figures.items())
        st.caption(f"Tried: {tried or 'not at all'}{figures} · {took(outcome.seconds)}")
        if outcome.status in ("fail", "unknown") and outcome.replay:
            _replay(outcome)
        if outcome.status == "fail":
            _again(check, outcome, key)


def _replay(outcome: Outcome) -> None:
    shown = Replay.of(outcome)
    earlier = f" (after {shown.earlier} earlier steps)" if shown.earlier else ""
    st.markdown(f"**Who did what, in order**{earlier}")
    st.markdown(table(shown))


def table(shown: Replay) -> str:
    """Markdown: a column for each, in the colour of who it is, where there are few; else a line names who."""
    everybody = list(dict.fromkeys(who for who, _, _ in shown.steps))
    letters = dict(zip(everybody, NAMED, strict=False))
    people = shown.people or ["who", "what"]
    heads = [_named(who, letters) for who in people] if shown.people else people
    lines = [f"| | {' | '.join(heads)} |", f"|--:|{':--|' * len(people)}"]
    for number, (who, did, came) in enumerate(shown.steps, start=shown.earlier + 1):
        call = MEANWHILE if did.startswith(MEANWHILE) else did  # the end of one whose beginning stands above
        step = f":small[{escaped(line(call, LONGEST))} → {escaped(line(came, LONGEST))}]"
        cells = [step if one == who else "" for one in people] if shown.people else [_named(who, letters), step]
        lines.append(f"| {number} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _named(who: str, letters: dict[str, str]) -> str:
    """In their colour, with its letter; of a crowd, the rest go without."""
    name = escaped(line(who))
    return f":{NAMED[letters[who]]}[**{letters[who]}** {name}]" if who in letters else name


def _again(check: Check, outcome: Outcome, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if outcome.reproduction:
            file = f"test_{check.id.replace('.', '_').replace('-', '_')}.py"
            download(
                "Reproduction",
                outcome.reproduction,
                file,
                "text/x-python",
                "science",
                key=f"{key}_file",
                help="A pytest file that needs only the audited package.",
            )
        if check.id in IN_THE_LAB:
            played, _ = IN_THE_LAB[check.id]
            told = "The same interleaving, step by step, on a memory that has this fault."
            st.link_button("See it in the race lab", played.address, icon=":material/alt_route:", help=told)
    if outcome.reproduction:
        with st.expander("Copy the file", icon=":material/content_copy:", key=f"{key}_text", on_change="rerun") as it:
            if it.open:
                st.code(visible(outcome.reproduction), language="python", height=420)
