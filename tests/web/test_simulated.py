"""The simulator against our own running application: forty cookies over HTTP, and nobody sees another's data."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from rag.crosstalk import Workload, simulate
from rag.crosstalk.targets import open_target
from tests.browser.serving import serving

pytestmark = pytest.mark.server


def test_forty_clients_of_our_own_app_stay_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("simulated")
    with serving(folder / "state") as app, closing(open_target(app.url)) as target:
        result = simulate(target, Workload(users=40, turns=3, in_flight=16, seed=11))
    assert result.problems == ()
    assert result.report.verdict == "isolated", result.report.why
    assert (result.report.users, result.report.answered) == (40, 120)
    assert result.report.controls.recalled >= 40
