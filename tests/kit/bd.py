"""`bd` run as its users run it: a process of its own, in a folder and a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.kit.source import ROOT

# As `.venv/bin/bd` starts it.
START = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    "from controlplane.bd.main import main; sys.exit(main(sys.argv[1:]))"
)
BARE = [sys.executable, "-I", "-S", "-c", START]


class Bd:
    """One user on one machine."""

    def __init__(self, home: Path, *, url: str = "", key: str = "", folder: str = "work") -> None:
        self.home = home
        self.folder = home / folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.env = {
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "USER": "kim",
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        if url:
            self.env |= {"CONTROLPLANE_URL": url, "CONTROLPLANE_API_KEY": key}
        launcher = home / "bin" / "bd"
        launcher.parent.mkdir(exist_ok=True)
        words = " ".join(f"'{word}'" for word in BARE[:-1])
        code = START.replace("'", '"')
        launcher.write_text(f"#!/bin/sh\nexec {words} '{code}' \"$@\"\n")
        launcher.chmod(0o755)

    @property
    def beads(self) -> Path:
        return self.folder / ".beads"

    def run(
        self, *argv: str | bytes, env: dict[str, str] | None = None, given: bytes = b"",
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
        done = subprocess.run(
            [*BARE, *argv],
            env={**self.env, **(env or {})},
            cwd=cwd or self.folder,
            input=given,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr.decode()
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done

    def ok(self, *argv: str, **more: Any) -> str:
        done = self.run(*argv, **more)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def json(self, *argv: str, **more: Any) -> Any:
        out = self.ok(*argv, "--json", **more)
        assert out.count("\n") == 1, "one line"
        return json.loads(out)

    def refused(self, *argv: str | bytes, **more: Any) -> tuple[str, str]:
        """What stood on stdout and stderr of a command that had to fail."""
        done = self.run(*argv, **more)
        assert done.returncode == 1, done.stdout.decode()
        said = done.stderr.decode()
        assert said.startswith(("Error: ", "error: ")) or said.strip(), "a line for people"
        return done.stdout.decode(), said

    def shell(self, script: str, **variables: str) -> str:
        """A script in bash, as a person would paste it; it ends at the first failure."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env={**self.env, **variables},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout
