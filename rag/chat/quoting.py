"""Chosen units as text: whole sentences, each with its mark before the full stop, list items and rows gathered under
what introduces them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rag.chat.evidence import Pick
from rag.chat.voice import capitalised


def quote(picks: Sequence[Pick]) -> str:
    """The units as sentences with marks, in the given order."""
    sentences = []
    for (number, kind, lead, _), group in groupby(picks, key=_run):
        texts = [pick.unit.text for pick in group]
        if kind == "sentence":
            sentences += [_marked(text, number) for text in texts]
        else:
            body = "; ".join(text.rstrip(" .;,") for text in texts)
            sentences.append(_marked(f"{lead} {body}" if lead else body, number))
    return " ".join(sentences)


def _run(pick: Pick) -> tuple[int, str, str, int]:
    return pick.number, pick.unit.kind, _lead(pick), pick.unit.group


def _lead(pick: Pick) -> str:
    """What introduces a list item: its own introduction, else the heading that it stands under."""
    if pick.unit.lead or pick.unit.kind in ("sentence", "row"):
        return pick.unit.lead
    heading = pick.unit.heading or pick.source.heading.rpartition(" > ")[2] or pick.source.title
    return f"{heading.rstrip(' ?.:')}:" if heading else ""


def _marked(text: str, number: int) -> str:
    """“It costs £3.95.” becomes “It costs £3.95 [1].”"""
    text = capitalised(text.rstrip(" ;,:"))
    end = text[-1] if text.endswith((".", "!", "?")) else "."
    return f"{text.rstrip('.!?')} [{number}]{end}"
