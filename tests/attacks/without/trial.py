"""Runs tests in a copy of the checkout, as it is or with a defence taken out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from xml.etree import ElementTree

from tests import PROJECT
from tests.attacks.without.mend import Mend

SECONDS = 240
LEFT_OUT = (".git", ".venv", ".*_cache", ".crosswire", "images", "*.egg-info")


class Copy:
    """Processes that its tests start are of the copy, too."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def outcomes(self, tests: Iterable[str], seconds: float = SECONDS) -> dict[str, str]:
        """Of each test `passed`, `failed`, `skipped`, `broken` (it never began) or `no end`; of one with cases, the
        worst that any of them came to."""
        tests, report = list(tests), self.top / "report.xml"
        report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", f"--junitxml={report}"]
        env, quiet = {**os.environ, "CI": "true"}, subprocess.DEVNULL
        with subprocess.Popen(
            [*command, *tests], cwd=self.top, env=env, stdin=quiet, stdout=quiet, stderr=quiet
        ) as run:
            try:
                run.wait(seconds)
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGINT)  # so that it stops what it has started
                with suppress(subprocess.TimeoutExpired):
                    run.wait(30)
                run.kill()
                return dict.fromkeys(tests, "no end")
        found = _read(report) if report.exists() else {}
        return {test: max(found.get(test, ["broken"]), key=_WORST.index) for test in tests}

    @contextmanager
    def without(self, mend: Mend) -> Iterator[None]:
        originals: dict[Path, tuple[bytes, os.stat_result]] = {}
        try:
            for edit in mend.edits:
                place = self.top / edit.path
                originals.setdefault(place, (place.read_bytes(), place.stat()))
                place.write_text(edit.changed(self.top), encoding="utf-8")
            yield
        finally:
            for place, (content, stat) in originals.items():
                place.write_bytes(content)
                os.utime(place, ns=(stat.st_atime_ns, stat.st_mtime_ns))


_WORST = ["skipped", "passed", "broken", "failed"]


def _read(report: Path) -> dict[str, list[str]]:
    """What each test came to, once for each of its cases."""
    found: dict[str, list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        file = case.get("classname", "").replace(".", "/") + ".py"
        kinds = {child.tag: child.get("message", "") for child in case}
        if "failure" in kinds:
            outcome = "failed"
        elif "error" in kinds:
            # What is found when a test ends, by whoever watches all of them, is a finding.
            outcome = "failed" if "teardown" in kinds["error"] else "broken"
        else:
            outcome = "skipped" if "skipped" in kinds else "passed"
        found.setdefault(f"{file}::{case.get('name', '').partition('[')[0]}", []).append(outcome)
    return found


@contextmanager
def copy(folder: Path) -> Iterator[Copy]:
    """A copy of the checkout below this folder."""
    top = folder / "checkout"
    shutil.copytree(PROJECT, top, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    yield Copy(top)
