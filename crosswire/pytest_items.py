"""A registered store and its checks, as pytest collects and runs them.

The audit runs in a process of its own: a store that hangs or dies costs its own test alone, and a project's own package
`rag` is never met. That process is started for the first check that runs, and is asked for all that were chosen.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crosswire.registration import AuditTest

ALONE = Path(__file__).parents[1] / "rag" / "audit" / "run" / "alone.py"
CHECKS = pytest.StashKey[list[dict[str, str]]]()
ENDING = 10.0
"""Seconds that an audit has to end by itself."""


class AuditedStore(pytest.Collector):
    """One registered factory of a module."""

    registered: AuditTest
    target: str

    @classmethod
    def of(cls, module: pytest.Module, name: str, made: Any) -> AuditedStore:
        """made: an AuditTest, or what checkpointer_test registered."""
        store: AuditedStore = cls.from_parent(module, name=name)
        store.registered = made if isinstance(made, AuditTest) else AuditTest(made.name, made)
        store.target = f"{module.path}:{name}"
        store.outcomes = {}
        store.process = None
        return store

    outcomes: dict[str, dict[str, Any]]
    process: Asked | None

    def collect(self) -> Iterator[Level]:
        checks = known_checks(self.config)
        ids, levels = {check["id"] for check in checks}, list(dict.fromkeys(check["level"] for check in checks))
        chosen = self.registered
        for option, given in (("only", chosen.only), ("xfail", chosen.xfail), ("skip", chosen.skip)):
            if wrong := sorted(set(given) - ids - set(levels if option == "only" else ())):
                raise self.CollectError(f"{chosen.name}: {option} names {', '.join(wrong)}, which is no check.")
        for level in levels:
            of_level = [check for check in checks if check["level"] == level]
            if chosen.only and level not in chosen.only:
                of_level = [check for check in of_level if check["id"] in chosen.only]
            if of_level:
                yield Level.of(self, level, of_level)

    def outcome(self, id: str) -> dict[str, Any]:  # what the field calls it
        """What came of this check; it is run if it has not been. Fails the test if the store cannot be opened."""
        while id not in self.outcomes:
            if self.process is None:
                self.process = Asked([self.target, str(self.registered.timeout or ""), *self._wanted(id)])
            said = self.process.line()
            if said is None:  # it has told all that it was asked for
                self.teardown()
                continue
            if "error" in said:
                pytest.fail(said["error"], pytrace=False)
            self.outcomes[said["id"]] = said
        return self.outcomes[id]

    def _wanted(self, id: str) -> list[str]:
        """All that are still to be run here; one at a time where several processes share them."""
        if hasattr(self.config, "workerinput"):
            return [id]
        mine = [each.check_id for each in self.session.items if isinstance(each, AuditCheck) and each.audited is self]
        left = [each for each in mine if each not in self.outcomes and each not in self.registered.skip]
        return left if id in left else [id]

    def teardown(self) -> None:
        if self.process is not None:
            self.process.end()
            self.process = None


class Level(pytest.Collector):
    """The checks of one level, as in `test_store.py::my_store::apart`."""

    checks: list[dict[str, str]]

    @classmethod
    def of(cls, store: AuditedStore, level: str, checks: list[dict[str, str]]) -> Level:
        made: Level = cls.from_parent(store, name=level)
        made.checks = checks
        return made

    def collect(self) -> Iterator[AuditCheck]:
        for check in self.checks:
            yield AuditCheck.of(self, check)


class AuditCheck(pytest.Item):
    """One check."""

    check_id: str
    audited: AuditedStore

    @classmethod
    def of(cls, level: Level, check: dict[str, str]) -> AuditCheck:
        item: AuditCheck = cls.from_parent(level, name=check["id"].partition(".")[2])
        item.check_id = check["id"]
        item.audited = level.parent  # type: ignore[assignment]  # see AuditedStore.collect
        for marker in ("crosswire", f"audit.{level.name}", item.check_id):
            item.add_marker(marker)
        if reason := item.audited.registered.xfail.get(item.check_id):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
        if reason := item.audited.registered.skip.get(item.check_id):
            item.add_marker(pytest.mark.skip(reason=reason))
        return item

    def runtest(self) -> None:
        seen = self.audited.outcome(self.check_id)
        if seen["status"] == "not applicable":
            pytest.skip(seen["evidence"])
        if seen["status"] != "pass":
            again = f"crosswire audit {self.audited.target} --only {self.check_id} --reproductions FOLDER"
            head = "" if seen["status"] == "fail" else "This cannot be told, which is no pass.\n"
            pytest.fail(head + "\n".join([*seen["told"], f"Again, with a file that shows it: {again}"]), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        made = self.audited.registered.crosswire_factory
        code = getattr(getattr(made, "factory", made), "__code__", None)
        return self.path, code.co_firstlineno - 1 if code else 0, f"{self.audited.name}::{self.check_id}"


class Asked:
    """The process of an audit, and what it says."""

    def __init__(self, arguments: Iterable[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed in end
        self._process = subprocess.Popen(  # noqa: S603  # our own file, and the caller's own module
            [sys.executable, str(ALONE), "serve", "\n".join(path for path in sys.path if path), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
        )

    def line(self) -> dict[str, Any] | None:
        """The next object; None when it has ended well. `error` in it: why there is no next one."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if line:
            return json.loads(line)  # type: ignore[no-any-return]  # it writes objects only
        if self._process.wait() == 0:
            return None
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        return {"error": f"The audit ended before its time. {said[-1] if said else ''}".rstrip()}

    def end(self) -> None:
        """It ends what it started and deletes what it wrote; killed, it would leave both."""
        self._process.terminate()
        try:
            self._process.communicate(timeout=ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._errors.close()


def known_checks(config: pytest.Config) -> list[dict[str, str]]:
    """Every check, asked for once a run; its markers are made known."""
    if CHECKS not in config.stash:
        asked = Asked([])
        found = list(iter(asked.line, None))
        asked.end()
        if "error" in found[-1]:
            raise pytest.UsageError(f"crosswire: {found[-1]['error']}")
        for check in found:
            config.addinivalue_line("markers", f"{check['id']}: {check['asserts']}")
        for level, claim in {check["level"]: check["claim"] for check in found}.items():
            config.addinivalue_line("markers", f"audit.{level}: {claim}")
        config.stash[CHECKS] = found
    return config.stash[CHECKS]
