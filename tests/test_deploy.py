"""What is in deploy/: as far as it can be checked without a container engine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import uvicorn
import yaml

from rag.settings import Settings
from tests import PROJECT, needs
from tests.machines.image import instructions, sent
from tests.nginx import command
from tests.servers import free_port

DEPLOY = PROJECT / "deploy"
BESIDE_OURS = {"FORWARDED_ALLOW_IPS"}
"""Uvicorn's own."""


def said(*command: str, cwd: Path = PROJECT) -> str:
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def beside_python(name: str) -> str:
    return needs.program(name, str(Path(sys.executable).parent / name))


def test_the_dockerfile_is_sound_and_builds_from_what_is_sent(tmp_path: Path) -> None:
    assert said(beside_python("hadolint"), str(DEPLOY / "Dockerfile")) == ""
    lines = (DEPLOY / "Dockerfile").read_text()
    assert [rest for name, rest in instructions(lines) if name == "USER"] == ["10001"]
    sent(tmp_path)
    told = said(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist", cwd=tmp_path)
    assert ".whl" in told
    constraints = (PROJECT / "requirements.txt").read_text()
    assert not re.search(r"^[\w.-]+\[", constraints, re.MULTILINE), "pip takes no extras as constraints"


def test_kubernetes_takes_the_manifests_and_no_pod_is_root() -> None:
    said(beside_python("kubernetes-validate"), "--strict", str(DEPLOY / "kubernetes" / "crosswire.yaml"))
    settings, _, pod = documents()
    assert pod["securityContext"]["runAsNonRoot"]
    assert all(one["securityContext"]["readOnlyRootFilesystem"] for one in pod["containers"])
    known(settings["data"])


def test_compose_names_only_what_there_is() -> None:
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = found["services"]
    for service in services.values():
        known(service.get("environment", {}))
        assert set(service.get("depends_on", ())) <= set(services)
        assert set(service["networks"]) <= set(found["networks"])
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in found["volumes"] or (DEPLOY / source).exists(), volume
    nginx, replicas = (DEPLOY / "nginx.conf").read_text(), {name for name in services if name.startswith("app-")}
    assert set(re.findall(r"server (app-\d+):8501", nginx)) == replicas
    assert f"proxy_next_upstream_tries {len(replicas)};" in nginx


def test_who_gives_up_first() -> None:
    """nginx a connection before the replica does; both, before the replica has drained; and all turns, before it is
    killed."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["app-1"]
    settings, _, pod = documents()
    kept = int(re.findall(r"keepalive_timeout (\d+)s;", (DEPLOY / "nginx.conf").read_text())[0])
    assert kept < uvicorn.Config("app").timeout_keep_alive
    most = float(Settings.model_fields["model_timeout_seconds"].default)
    for drained, killed in (
        (compose["environment"]["DRAIN_SECONDS"], int(compose["stop_grace_period"].removesuffix("s"))),
        (settings["data"]["DRAIN_SECONDS"], pod["terminationGracePeriodSeconds"]),
    ):
        assert kept < float(drained)
        assert float(drained) + most + 10 < killed


def documents() -> tuple[Any, Any, Any]:
    """Of Kubernetes: settings, deployment, and its pod."""
    found = {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kubernetes" / "crosswire.yaml").read_text())}
    return found["ConfigMap"], found["Deployment"], found["Deployment"]["spec"]["template"]["spec"]


def known(environment: dict[str, str]) -> None:
    unknown = {name for name in environment if name.lower() not in Settings.model_fields} - BESIDE_OURS
    assert unknown == set()


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    text = re.sub(r"server app-\d+:8501", "server 127.0.0.1:9", (DEPLOY / "nginx.conf").read_text())
    text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    told = said(*command(tmp_path, text), "-t")
    assert "test is successful" in told
