"""Talking to a client that runs as a process of its own, line by line."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

DRIVERS = Path(__file__).parent / "drivers"
WITHIN_S = 60


class Bridge:
    """A process that answers each line with one. What it says on stderr is shown on failure."""

    def __init__(self, argv: list[str], *, env: dict[str, str], cwd: Path, log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                argv,
                env=env,
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
            )
        self._lines: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.calls = 0
        self.hello = self._hear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()
        assert self._process.stdout
        self._process.stdout.close()

    def ask(self, *words: Any) -> dict[str, Any]:
        assert self._process.stdin
        self.calls += 1
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return self._hear()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _hear(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=WITHIN_S)
        except queue.Empty:
            line = ""
        assert line, f"no answer: {self._log.read_text(errors='replace')[-2000:]}"
        found: dict[str, Any] = json.loads(line)
        return found


class Tools(Bridge):
    """The tools of an MCP server, reached by the `mcp` package in this environment."""

    def __init__(self, environment: Path, server: list[str], **more: Any) -> None:
        python = str(environment / "bin" / "python")
        super().__init__([python, str(DRIVERS / "mcp_bridge.py"), *server], **more)
        self.used: set[str] = set()

    @property
    def names(self) -> set[str]:
        return set(self.hello["tools"])

    def __call__(self, tool: str, **given: Any) -> Any:
        found = self.ask(tool, given)
        assert not found["failed"], (tool, given, found["text"])
        self.used.add(tool)
        return _value(found)

    def refused(self, tool: str, **given: Any) -> str:
        found = self.ask(tool, given)
        assert found["failed"], (tool, given, found)
        return str(found["text"])


def _value(found: dict[str, Any]) -> Any:
    """Its structured content, or the JSON that stands in its text."""
    data = found["data"]
    if isinstance(data, dict):
        return data["result"] if set(data) == {"result"} else data
    try:
        return json.loads(found["text"])
    except ValueError:
        return found["text"]


class Methods(Bridge):
    """Methods of objects in Node."""

    def __init__(self, node: str, kind: str, folder: Path, *rest: str, **more: Any) -> None:
        script = str(DRIVERS / "node_bridge.mjs")
        super().__init__([node, script, kind, str(folder), *rest], **more)

    def __call__(self, method: str, *given: Any) -> Any:
        found = self.ask(method, *given)
        assert "error" not in found, (method, given, found)
        return found["value"]

    def refused(self, method: str, *given: Any) -> str:
        found = self.ask(method, *given)
        assert "error" in found, (method, given, found)
        return str(found["error"])
