"""The portal's door for `bd`: one request for one command."""

from __future__ import annotations

import os

from controlplane.bd import connection, identity, wire
from controlplane.bd.errors import Unreachable
from controlplane.bd.folder import Folder

DOOR = "/api/v1/work/bd"
EXPORT = "/api/v1/work/export"
IMPORT = "/api/v1/work/import"
_LONGEST_PATH = 160


class Reply:
    """What the portal answered."""

    __slots__ = ("export", "failed", "notes", "result")

    def __init__(self, said: dict[str, object]) -> None:
        self.result = said.get("result")
        notes = said.get("notes")
        self.notes = [str(note) for note in notes] if isinstance(notes, list) else []
        self.failed = said.get("failed") is True
        self.export = said.get("export") is True


class Door:
    """One connection's worth of facts: where, which project, in whose name."""

    def __init__(self, folder: Folder | None, *, sandbox: str = "", actor: str = "") -> None:
        self._environ = os.environ
        self.folder = folder
        self.sandbox = sandbox
        self._actor = actor
        self._target: connection.Target | None = None

    @property
    def target(self) -> connection.Target:
        if self._target is None:
            server = self.folder.said("server") if self.folder else ""
            self._target = connection.choose(self._environ, server)
        return self._target

    @property
    def project(self) -> str:
        if self.sandbox or self.folder is None:
            return ""
        return self.folder.said("project_id")

    @property
    def name(self) -> str:
        return identity.actor(self._environ, self._actor)

    def ask(self, op: str, args: dict[str, object], *, writes: bool) -> Reply:
        import json

        body = {
            "op": op,
            "project": self.project,
            "sandbox": _short(self.sandbox),
            "as": self.name,
            "owner": identity.owner(self._environ) if writes else "",
            "args": args,
        }
        answer = wire.request(
            self.target,
            "POST",
            DOOR,
            body=json.dumps(body).encode(),
            key=new_key() if writes else "",
            safe=not writes,
        )
        if answer.status != 200:
            raise wire.refusal(answer, self.target.url)
        said = read_object(answer.body(), self.target.url)
        return Reply(said)


def _short(path: str) -> str:
    """The portal names a sandbox by its path, and has room for so much of it."""
    if len(path) <= _LONGEST_PATH:
        return path
    from hashlib import sha256

    return f"…{sha256(os.fsencode(path)).hexdigest()[:16]}…{path[-_LONGEST_PATH // 2 :]}"


def new_key() -> str:
    """Under which the portal does a thing once, however often it is asked."""
    return f"bd-{os.urandom(16).hex()}"


def read_object(body: bytes, url: str) -> dict[str, object]:
    import json

    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Unreachable(
            f"{url} answers, but not as the portal does",
            hint="is CONTROLPLANE_URL the address of the portal?",
        )
    return said
