"""How tests are shared out when several processes run them: a file stays whole, and Chromium's go together.

And what would be paid in each of these processes, and is not.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import certifi
import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.browser import filled_library
from tests.installing import place, plain, wheel
from tests.logs import Watch

__all__ = ["place", "plain", "wheel"]
"""Fixtures of the installed wheel, for whoever asks."""

# Loading the libraries and making thousands of items leaves millions of objects that live to the end. Walked again and
# again they took a sixth of the suite's time.
gc.disable()

# Each worker and each of the many programs that are started here would compile all that it loads again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Each program that loads numpy would have threads for all processors, which wait by looking again and again.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

# How long an example takes says how busy this machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_WATCH = Watch()


def pytest_configure() -> None:
    """A shell that runs this suite in the background has told it, and with it all it starts, to ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    logging.getLogger().addHandler(_WATCH)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ[filled_library.VARIABLE] = tempfile.mkdtemp(prefix="crosswire-tests-")
        one_certificate(Path(os.environ[filled_library.VARIABLE]) / "certificates.pem")


def one_certificate(file: Path) -> None:
    """In place of all that are trusted: each HTTP client reads them, for 25 ms, and here nobody is asked over TLS."""
    end = "-----END CERTIFICATE-----\n"
    file.write_text(Path(certifi.where()).read_text().partition(end)[0] + end)
    os.environ["SSL_CERT_FILE"] = str(file)


def pytest_unconfigure() -> None:
    gc.freeze()  # at its end Python would look through everything, several times
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ.pop(filled_library.VARIABLE), ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    if found := _WATCH.taken():
        pytest.fail(f"what a person said, or a secret, was logged: {found[:3]}")
    if not gc.isenabled():
        gc.enable()
        pytest.fail("Python's garbage collector was left turned off")


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Of a new clone pytest compiles each file anew, for its assertions. Each worker begins with files of its own, and
    finds those of the others done."""
    if "PYTEST_XDIST_WORKER" not in os.environ or session.config.args != session.config.getini("testpaths"):
        return
    number, workers = int(os.environ["PYTEST_XDIST_WORKER"][2:]), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for file in sorted(Path(__file__).parent.rglob("test_*.py"))[number::workers]:
        with suppress(Exception, pytest.skip.Exception):  # told where it is collected
            import_module(".".join(file.relative_to(Path(__file__).parents[1]).with_suffix("").parts))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(50_000)  # most of what a test makes is gone by then
    gc.enable()


TOGETHER = ("tests/browser/test_[a-p]", "tests/browser", "tests/(test_install|audit/test_plugin)")
"""What one process runs, as it shares what takes long to start: a browser, or the installed wheel. No more than two
browsers: more would wait for each other on two cores until one gives up."""

FIRST = (*TOGETHER, "tests/web", "tests/sessions", "tests/crosstalk/run/test_lost")
"""What takes long must not begin last. What mostly waits, for servers that are gone and keys that expire, goes beside
the browsers: at the end, where all four wait, processors would idle."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A file stays whole, so that what its module needs is started once.

    Not by the marks of `--dist loadgroup`: pytest 9.2 no longer sees what xdist 3.8 adds to the name of a test.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """Tests of one group are run by one process."""
    file = nodeid.split("::")[0]
    return next((start for start in TOGETHER if re.match(start, file)), file)


@pytest.hookimpl(optionalhook=True)  # of xdist, which a run may go without
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    if config.getvalue("dist") != "loadgroup":
        return None
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return next((place for place, start in enumerate(FIRST) if re.match(start, item.nodeid)), len(FIRST))

    items.sort(key=rank)
