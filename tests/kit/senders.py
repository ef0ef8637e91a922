"""Real programs that send alerts, as Debian packs them: Alertmanager, amtool, Prometheus."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

WITHIN_S = 60
CHUNK = 64


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [name for name in programs if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def until(holds: Callable[[], Any], what: str, within: float = WITHIN_S) -> Any:
    """Ask until it is so. Each question costs a turn of the database or the network, and others may
    use this machine, too."""
    within *= max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    end = time.monotonic() + within
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < end, f"not within {within:.0f} s: {what}"


class Program:
    """One of them, running until the test is over."""

    def __init__(self, command: Iterable[str], log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=log.parent
            )

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def answers(self, url: str) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3_000:]
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


class Alertmanager:
    """Pointed at one address with one key, its groups flushed at once."""

    def __init__(self, folder: Path, url: str, key: str, **more: Any) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        proof = {"authorization": {"type": "Bearer", "credentials": key}}
        webhook = {
            "url": f"{url}/api/v1/alerts/alertmanager", "send_resolved": True,
            "http_config": proof,
        }  # fmt: skip
        config = {
            "global": {"resolve_timeout": "20s", "pagerduty_url": f"{url}/v2/enqueue"},
            "route": {
                "receiver": "portal", "group_by": ["alertname", "service"], "group_wait": "1s",
                "group_interval": "2s", "repeat_interval": "15s",
                "routes": [
                    {"matchers": ["route = pd"], "receiver": "pd", "group_by": ["alertname"]},
                    {"matchers": ["route = trunc"], "receiver": "trunc"},
                ],
            },
            "receivers": [
                {"name": "portal", "webhook_configs": [webhook]},
                {"name": "trunc", "webhook_configs": [{**webhook, "max_alerts": 3}]},
                {"name": "pd", "pagerduty_configs": [
                    {"routing_key": more.get("routing_key", "x" * 32),
                     "severity": "{{ .CommonLabels.severity }}"}]},
            ],
        }  # fmt: skip
        path = folder / "am.yml"
        path.write_text(json.dumps(config))  # JSON is YAML
        check = subprocess.run(
            ["amtool", "check-config", str(path)], capture_output=True, text=True, check=False
        )
        assert check.returncode == 0, check.stderr
        self.program = Program(
            ["prometheus-alertmanager", f"--config.file={path}",
             f"--storage.path={folder / 'am'}", "--cluster.listen-address=",
             f"--web.listen-address={self.url.removeprefix('http://')}"],
            folder / "am.log",
        )  # fmt: skip
        until(lambda: self.program.answers(f"{self.url}/-/ready"), "Alertmanager is ready")

    def fire(self, alerts: Iterable[Mapping[str, Any]]) -> None:
        every = list(alerts)
        for start in range(0, len(every), CHUNK):
            said = json.dumps(every[start : start + CHUNK]).encode()
            request = urllib.request.Request(
                f"{self.url}/api/v2/alerts", said, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert answer.status == 200


def amtool(url: str, *arguments: str) -> str:
    """What it prints; whatever it says went well."""
    done = subprocess.run(
        ["amtool", f"--alertmanager.url={url}", *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
