"""`python -m tests.machines.image`: carry out the Dockerfile's steps without a container engine, and start the result.

Linux, as root. This machine's own files stand for the base image, below an overlay file system: what a step writes is
above it, and is measured. The program starts as the Dockerfile's user, on a file system that cannot be written to.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests import PROJECT
from tests.servers import free_port, wait_for

DOCKERFILE = PROJECT / "deploy" / "Dockerfile"
START_SECONDS = 120


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each as its name and the rest, continued lines in one."""
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, rest = line.partition(" ")
        yield name.upper(), rest.strip()


def sent(target: Path) -> None:
    """What .dockerignore lets through."""
    for line in (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line.startswith("!"):
            source, place = PROJECT / line[1:], target / line[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, place)


@dataclass
class Stage:
    """written: what its steps put above the base."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0"
    command: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for part in ("written", "work", "whole"):
            (self.folder / part).mkdir(parents=True)

    def at(self, path: str) -> Path:
        return self.folder / "written" / path.lstrip("/")

    def inside(self, command: list[str], *, frozen: bool = False) -> list[str]:
        """The command as it is run in there. frozen: but for /tmp and /state, nothing can be written."""
        whole, parts = self.folder / "whole", {"upperdir": "written", "workdir": "work"}
        options = ",".join(["lowerdir=/", *(f"{name}={self.folder / part}" for name, part in parts.items())])
        steps = [f"mount -t overlay overlay -o {shlex.quote(options)} {whole}"]
        places = {"/dev": "/dev", "/proc": "/proc", sys.base_prefix: "/usr/local"}  # where the base image has Python
        steps += [f"mount --rbind {here} {whole}{there}" for here, there in places.items()]
        if frozen:
            steps += [f"mount -o remount,ro {whole}", f"mount -t tmpfs tmpfs {whole}/tmp"]
            steps += [f"mount --bind {self.at('state')} {whole}/state"]
        steps += [f"exec chroot --userspec={self.user}:{self.user} {whole} env -i {self._env()} {shlex.join(command)}"]
        return ["unshare", "--mount", "sh", "-ec", " && ".join(steps)]

    def run(self, text: str) -> None:
        inside = self.inside(["sh", "-c", f"cd {shlex.quote(self.workdir)} && {text}"])
        done = subprocess.run(inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise SystemExit(f"{text}\n{done.stdout[-3000:]}")

    def _env(self) -> str:
        usual = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp"}
        usual["LD_LIBRARY_PATH"] = "/usr/local/lib"  # Python's own library, where this machine has none of that version
        passed = {name: text for name, text in os.environ.items() if name.lower().endswith(("_proxy", "_index_url"))}
        return shlex.join(f"{name}={text}" for name, text in {**passed, **usual, **self.env}.items())


def built(folder: Path) -> Stage:
    """The last stage, after all steps."""
    stages: dict[str, Stage] = {}
    stage = Stage(folder / "none")
    for name, rest in instructions(DOCKERFILE.read_text(encoding="utf-8")):
        began = time.monotonic()
        match name:
            case "FROM":
                label = rest.partition(" AS ")[2] or "last"
                stage = stages[label] = Stage(folder / label)
            case "WORKDIR":
                stage.workdir = rest
                stage.at(rest).mkdir(parents=True, exist_ok=True)
            case "COPY" if rest == ". .":
                sent(stage.at(stage.workdir))
            case "COPY":
                source, path, target = re.fullmatch(r"--from=(\w+) (\S+) (\S+)", rest).groups()  # type: ignore[union-attr]
                shutil.copytree(stages[source].at(path), stage.at(target), symlinks=True)
            case "ENV":
                for pair in shlex.split(rest):
                    variable, _, value = pair.partition("=")
                    stage.env[variable] = value.replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
            case "USER":
                stage.user = rest
            case "RUN":
                stage.run(rest)
            case "CMD":
                stage.command = json.loads(rest)
            case "HEALTHCHECK":
                stage.check = json.loads(rest.partition(" CMD ")[2])
            case "VOLUME" | "EXPOSE":
                pass
            case _:
                raise SystemExit(f"Not known: {name}")
        told(f"{name} {rest[:100]}", time.monotonic() - began)
    return stages["last"]


def started(image: Stage) -> None:
    """As its user, read-only: it gets ready, its own check agrees, and it ends when it is told to."""
    port = str(free_port())
    command = [port if word == "8501" else word for word in image.command]
    began = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(image.inside(command, frozen=True), stdout=log, stderr=log)
        try:
            wait_for(lambda: ready(process, port), "the program", START_SECONDS)
            told("ready, as user " + image.user, time.monotonic() - began)
            check = [word.replace(":8501", f":{port}") for word in image.check]
            subprocess.run(image.inside(check), check=True)
            answer = httpx.post(f"http://127.0.0.1:{port}/api/chat", json={"message": "How long may I return it?"})
            answer.raise_for_status()
            told("answered: " + answer.json()["answer"][:60], 0.0)
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read().decode()[-3000:])
            raise
        finally:
            process.terminate()
            process.wait(30)


def ready(process: subprocess.Popen[bytes], port: str) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"it ended with {process.returncode}")
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.HTTPError:
        return False


def weighed(image: Stage) -> None:
    """What is above the base, the heaviest parts of it, and what its user may write."""
    places = image.at("/opt/crosswire")
    sizes = {one: size(one) for one in next(places.glob("lib/python*/site-packages")).iterdir()}
    for one, bytes_ in sorted(sizes.items(), key=lambda pair: -pair[1])[:15]:
        told(f"  {one.name}", megabytes=bytes_)
    told("above the base", megabytes=size(image.at("/")))
    packed = subprocess.run(
        ["sh", "-c", f"tar -c -C {image.at('/')} . | gzip -6 | wc -c"], capture_output=True, check=True
    )
    told("compressed", megabytes=int(packed.stdout))
    uid = int(image.user)
    others = [one for one in image.at("/").rglob("*") if not one.is_symlink() and writable(one, uid)]
    unexpected = [one for one in others if one != image.at("state")]
    if unexpected:
        raise SystemExit(f"Its user may write to {unexpected[:5]}")


def writable(path: Path, uid: int) -> bool:
    found = path.stat()
    return found.st_uid == uid or bool(found.st_mode & 0o002)


def size(path: Path) -> int:
    """Bytes on the disk."""
    return int(subprocess.run(["du", "-sB1", path], capture_output=True, text=True, check=True).stdout.split()[0])


def told(what: str, seconds: float | None = None, megabytes: int | None = None) -> None:
    figure = f"{seconds:8.1f} s " if seconds is not None else f"{(megabytes or 0) / 1e6:8.1f} MB"
    print(f"{figure}  {what}", flush=True)  # noqa: T201


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="cw-image-") as folder:
        image = built(Path(folder))
        weighed(image)
        started(image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
