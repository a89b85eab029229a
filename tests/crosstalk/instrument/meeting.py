"""Users who meet: services that ask whose a conversation or a file is, and such as do not, by what their users see."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.crosstalk import RunResult, Workload, simulate
from rag.crosstalk.targets import open_target
from tests.crosstalk.instrument.cases import Verdict
from tests.crosstalk.targets import test_scenes as scenes
from tests.crosstalk.targets.owned_server import Owned
from tests.web.serving import serving

DELETING = scenes.CHAT + scenes.DELETE + scenes.READ


@dataclass(frozen=True, slots=True)
class Meeting:
    """server: as `Owned` is made. must: what is said of it."""

    name: str
    scene: str
    spec: str
    must: Verdict
    server: dict[str, Any] = field(default_factory=dict)

    def played(self, seed: int = 1) -> RunResult:
        with serving(Owned(**self.server).application()) as address, tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "target.yaml")
            file.write_text(self.spec)
            with closing(open_target(address, file, timeout=20)) as target:
                return simulate(target, Workload(users=8, turns=3, in_flight=4, seed=seed, scene=self.scene))


CARELESS, CAREFUL = {"careful": False}, {"careful": True}
MEETINGS = (
    Meeting("deletes what anybody names", "delete", DELETING, "anomalies", CARELESS),
    Meeting("deletes, and refuses then", "delete", DELETING, "anomalies", {"careful": True, "deletes": "refusing"}),
    Meeting("deletes its own users' alone", "delete", DELETING, "isolated", CAREFUL),
    Meeting(
        "says success, and leaves others'", "delete", DELETING, "isolated", {"careful": True, "deletes": "quietly"}
    ),
    Meeting("deletes nothing for anybody", "delete", DELETING, "unknown", {"careful": True, "deletes": "never"}),
    Meeting("nobody can look", "delete", scenes.CHAT + scenes.DELETE, "unknown", CARELESS),
    Meeting("answers from any file", "swapped-file", scenes.FILE, "anomalies", CARELESS),
    Meeting("refuses others' files", "swapped-file", scenes.FILE, "isolated", CAREFUL),
    Meeting("leaves others' files out", "swapped-file", scenes.FILE, "isolated", {"careful": True, "files": "quietly"}),
)
