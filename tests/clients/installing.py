"""The clients others wrote, each in a folder of its own, kept for the next run.

`locks/NAME.txt` pins a Python client with all it needs, `locks/NAME/` one of npm. What can't be
installed is `Missing`, with what it lacks.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controlplane import bootstrap
from tests.kit.source import ROOT

LOCKS = Path(__file__).parent / "locks"
WITHIN_S = 300
NPM_OPTIONS = (
    "--legacy-peer-deps",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--loglevel=error",
    # What was fetched once is not asked for again. npm's own three retries wait 70 s for each
    # package before they say that there is no network, or take the copy that is there.
    "--prefer-offline",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=500",
    "--fetch-retry-maxtimeout=2000",
    "--fetch-timeout=30000",
)


class Missing(Exception):
    """A client that can't be installed here."""


def installed(name: str) -> Path:
    """Its folder: a virtual environment, or one with `node_modules`."""
    lock = LOCKS / f"{name}.txt"
    python = lock.exists()
    folder = cache() / f"{name}-{_fingerprint(name, python=python)}"
    done = folder / ".complete"
    with _alone(name):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            (_with_uv if python else _with_npm)(name, folder)
            done.touch()
    return folder


def cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "controlplane" / "clients"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Missing(f"{folder} can't be made ({error.strerror})") from None
    return folder


def _fingerprint(name: str, *, python: bool) -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]} {sys._base_executable}".encode())  # type: ignore[attr-defined]
    for path in [LOCKS / f"{name}.txt"] if python else sorted((LOCKS / name).iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Two workers must not build one folder."""
    with open(cache() / f"{name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _with_uv(name: str, folder: Path) -> None:
    uv = _uv()
    base = getattr(sys, "_base_executable", None) or sys.executable
    env = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "UV_NO_CONFIG": "1"}
    if os.path.exists(bootstrap.SYSTEM_CERTIFICATES):
        env["UV_SYSTEM_CERTS"] = "1"
    _run([uv, "venv", "--quiet", "--python", base, str(folder)], env)
    lock = str(LOCKS / f"{name}.txt")
    python = str(folder / "bin" / "python")
    _run([uv, "pip", "install", "--quiet", "--no-deps", "--python", python, "-r", lock], env)


def _uv() -> str:
    """The one that made `.venv`; a worker's own state folder holds none."""
    own = ROOT / ".state" / "tools" / "bin" / "uv"
    try:
        found = bootstrap.find_uv() or (str(own) if own.exists() else bootstrap.install_uv())
    except bootstrap.Stop as stop:
        raise Missing(str(stop).strip().splitlines()[-1]) from None
    return found


def _with_npm(name: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        raise Missing("needs node and npm")
    shutil.copytree(LOCKS / name, folder)
    env = {}
    if os.path.exists(bootstrap.SYSTEM_CERTIFICATES):  # node knows only its own
        env["NODE_EXTRA_CA_CERTS"] = bootstrap.SYSTEM_CERTIFICATES
    _run([npm, "ci", "--prefix", str(folder), *NPM_OPTIONS], env, cwd=folder)


def _run(command: list[str], env: dict[str, str], cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(str(error)) from None
    if done.returncode:
        said = " ".join(done.stdout.split())
        raise Missing(f"{Path(command[0]).name} can't install it: {said[-300:]}")
