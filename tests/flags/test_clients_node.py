"""The same for Node: OpenFeature's OFREP provider and Unleash's SDK, polling and streaming."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from deployments.flags import services
from deployments.flags.models import FlagUsage
from tests import make
from tests.clients.conftest import Install
from tests.flags.conftest import Portal
from tests.kit import sdk as flags
from tests.kit.sdk import variant

pytestmark = pytest.mark.slow
DRIVER = Path(__file__).parents[1] / "clients" / "drivers" / "flags.mjs"
WITHIN_S = 60.0


class Node:
    """The driver, and what it says."""

    def __init__(self, *given: str) -> None:
        node = shutil.which("node")
        assert node
        self._process = subprocess.Popen(
            [node, str(DRIVER), *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._said: queue.Queue[tuple[float, Any]] = queue.Queue()
        self._all: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._all.append(line)
            if line.startswith("{"):
                self._said.put((time.monotonic(), json.loads(line)))

    def next(self, within: float = WITHIN_S, **wanted: Any) -> tuple[float, Any]:
        """The next line that says this, and when it was said."""
        end = time.monotonic() + within
        while True:
            try:
                at, told = self._said.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"never said: {wanted}\n{''.join(self._all)[-3_000:]}")
            if wanted.items() <= told.items():
                return at, told

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()


def test_node__reads_flags_and_hears_of_a_kill(portal: Portal, install: Install) -> None:
    folder = install("flags-js")
    ws = make.workspace()
    made = flags.flag(ws, "new-planner")
    flags.flag(ws, "color", value_type="string", off_value="blue", on_value="green",
               variants=[variant("red", payload="red")])  # fmt: skip
    flags.flag(ws, "limit", value_type="float", off_value=0, on_value=2)
    token = str.__str__(flags.token(ws).secret)
    node = Node(str(folder), portal.web.url, portal.stream.url, token)
    try:
        _, on = node.next(openfeature="new-planner")
        assert (on["value"], on["reason"], on["variant"]) == (True, "STATIC", "on")
        _, missing = node.next(openfeature="no-such")
        assert (missing["value"], missing["errorCode"]) == (False, "FLAG_NOT_FOUND")
        assert node.next(openfeature="color")[1]["value"] == "red"
        assert node.next(openfeature="limit")[1]["value"] == 2
        known = {node.next(enabled=True)[1]["kind"] for _ in range(2)}
        assert known == {"polling", "streaming"}
        services.kill(made, actor=make.JOB, reason="it broke")
        begun = time.monotonic()
        took = {}
        for _ in range(2):
            at, told = node.next(enabled=False)
            took[told["kind"]] = at - begun
        assert took["streaming"] < 1.0
        assert took["polling"] < 2.0
        end = time.monotonic() + WITHIN_S
        while not FlagUsage.objects.filter(app="node-polling", yes__gt=0).exists():
            assert time.monotonic() < end, "the SDK's counts never came"
    finally:
        node.end()
