"""Which portal, and with which key. A key goes to the address that came with it, and nowhere
else: what a repository says may choose among this user's portals, never name a new one."""

from __future__ import annotations

import os

from controlplane.bd import portals
from controlplane.bd.errors import Trouble

START = "start it with `python3 manage.py up`"


class Target:
    """Where requests go."""

    __slots__ = ("authority", "key", "url", "workspace")

    def __init__(self, url: str, key: str, *, authority: str = "", workspace: str = "") -> None:
        self.url = url.rstrip("/")
        self.key = key
        self.authority = authority
        self.workspace = workspace


def choose(environ: dict[str, str] | os._Environ[str], server: str = "") -> Target:
    """The environment's portal, else one that runs for this user: the one that the folder was
    connected with when that runs, else the one of `CONTROLPLANE_STATE_DIR`, else the newest.
    `server` is what the pointer says."""
    url = environ.get("CONTROLPLANE_URL", "").strip()
    key = environ.get("CONTROLPLANE_API_KEY", "").strip()
    authority = environ.get("CONTROLPLANE_CA_FILE", "").strip()
    workspace = environ.get("CONTROLPLANE_WORKSPACE", "").strip()
    if url and key:
        return Target(url, key, authority=authority, workspace=workspace)
    known = portals.found(environ)
    if url:
        for portal in known:
            if portal.url.rstrip("/") == url.rstrip("/") and portal.key and portal.running:
                return Target(url, portal.key, authority=authority or portal.authority)
        raise Trouble(
            f"CONTROLPLANE_API_KEY is not set: a key for {url} is needed",
            hint="`manage.py issue_key` makes one; the console's page of agents does too",
        )
    if key:
        raise Trouble(
            "CONTROLPLANE_API_KEY is set and CONTROLPLANE_URL is not: the key is sent to no "
            "address that you have not named"
        )
    return _running(known, server, environ.get("CONTROLPLANE_STATE_DIR", "").strip())


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _running(known: list[portals.Portal], server: str, state: str = "") -> Target:
    running = [portal for portal in known if portal.running]
    chosen = (
        [portal for portal in running if portal.url == server]
        or [portal for portal in running if state and _same(portal.state, state)]
        or running
    )
    if not chosen:
        if known:
            last = known[0]
            raise Trouble(
                f"the portal at {last.url} is not running any more",
                hint=f"{START} (its data lies in {last.state})",
            )
        raise Trouble(
            "no portal found: none runs for this user, and CONTROLPLANE_URL is not set",
            hint=f"{START}, or set CONTROLPLANE_URL and CONTROLPLANE_API_KEY",
        )
    portal = chosen[0]
    if not portal.key:
        raise Trouble(portal.why or f"the portal at {portal.url} gave no key for bd")
    return Target(portal.url, portal.key, authority=portal.authority)
