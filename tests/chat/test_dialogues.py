"""Sixty conversations with the offline model, over the real library: nine in ten go as their authors wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.chat.offline import OfflineChatModel
from rag.knowledge import Library, open_library
from rag.settings import load
from tests import PROJECT
from tests.chat import dialogues
from tests.chat.dialogues import Outcome

ENOUGH = 0.9


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    knowledge: Path = PROJECT / "data" / "knowledge"
    opened = open_library(load(state_dir=tmp_path_factory.mktemp("state"), knowledge_dir=knowledge))
    opened.add([knowledge])
    yield opened
    opened.close()


def test_dialogues(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    model = OfflineChatModel()
    outcomes = [dialogues.hold(dialogue, model, library) for dialogue in dialogues.load()]
    first = [outcome for outcome in outcomes if not outcome.dialogue.second_half]
    second = [outcome for outcome in outcomes if outcome.dialogue.second_half]
    report = f"dialogues: {_score(outcomes)}; first half {_score(first)}, second half {_score(second)}"
    with capsys.disabled():
        print(f"\n{report}")  # noqa: T201
    failures = "\n\n".join(_shown(outcome) for outcome in outcomes if outcome.complaints)
    assert len([1 for outcome in outcomes if not outcome.complaints]) >= ENOUGH * len(outcomes), f"{report}\n{failures}"


def _score(outcomes: list[Outcome]) -> str:
    return f"{sum(not outcome.complaints for outcome in outcomes)}/{len(outcomes)}"


def _shown(outcome: Outcome) -> str:
    return "\n  ".join([outcome.dialogue.name, *outcome.transcript, *(f"! {one}" for one in outcome.complaints)])
