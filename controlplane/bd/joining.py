"""`bd init`: connect a folder with a project of the portal. Run again it changes nothing, for
scripts run it before everything else they do."""

from __future__ import annotations

import os
from contextlib import contextmanager

from controlplane.bd import folder as folders
from controlplane.bd.errors import Refused, Trouble
from controlplane.bd.printing import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.bd.main import Session
    from controlplane.bd.portal import Door

RUNBOOK = (
    'follow the runbook "Beads database corruption or missing" (beads_db) in docs/runbooks.md '
    "before you go on"
)


def init(session: Session) -> int:
    try:
        if session.sandbox:
            return _sandbox(session)
        with _one_at_a_time(folders.place_for_new(os.environ)):
            return _folder(session)
    except Refused as refused:
        raise Trouble(refused.message, hint=RUNBOOK) from None
    except Trouble as trouble:
        hint = f"{trouble.hint}; else {RUNBOOK}" if trouble.hint else RUNBOOK
        raise type(trouble)(trouble.message, hint=hint) from None


@contextmanager
def _one_at_a_time(place: str) -> Iterator[None]:
    """Of two that connect one folder at the same moment the second finds it connected; else both
    would begin a project, and one of them would be nobody's. Where files can't be locked it is
    taken as it comes."""
    held = _locked(os.path.dirname(os.path.abspath(place)))
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


def _locked(folder: str) -> int | None:
    """None where there are no locks: Windows has no such module, some network disks refuse."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        held = os.open(folder, os.O_RDONLY)
    except OSError:  # it may be entered and not read
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
    except OSError:
        os.close(held)
        return None
    return held


def _sandbox(session: Session) -> int:
    """Made by its first use; only the folder beside it is ours to make."""
    said = _ask(session.door, {})
    beside = os.path.dirname(session.sandbox)
    if os.path.basename(beside) == folders.NAME:
        os.makedirs(beside, exist_ok=True)
    text = f"bd initialized successfully!\n\n  Sandbox: {session.sandbox}\n"
    text += _names(said, session.door)
    return session.answer(_shown(said, beside), text)


def _folder(session: Session) -> int:
    flags = session.line.flags
    wanted = {name: flags[name] for name in ("prefix", "project") if flags.get(name)}
    there = folders.already(os.environ)
    own_place = folders.place_for_new(os.environ)
    if there and (not wanted or os.path.realpath(there.path) == os.path.realpath(own_place)):
        found = _still_there(session, there)
        if found is not None:
            return _unchanged(session, there, found)
        own_place = there.path
    said = _ask(session.door, wanted)
    pointer: dict[str, object] = {
        "backend": folders.BACKEND,
        "database": folders.BACKEND,
        "project_id": said["project_id"],
        "project": said.get("name", ""),
        "prefix": said.get("prefix", ""),
        "server": session.door.target.url,
    }
    made = folders.connect(own_place, pointer)
    text = f"bd initialized successfully!\n\n  Folder: {made.path}\n" + _names(said, session.door)
    if os.path.exists(made.export):
        text += f"\n  {made.export} was left as it is; `bd import` reads it when you say so."
    code = session.answer(_shown(said, made.path), text)
    if flags.get("from-jsonl") is True and os.path.exists(made.export):
        from controlplane.bd import transfer

        session.enter(made)
        return transfer.load_file(session, made.export)
    return code


def _ask(door: Door, wanted: dict[str, object]) -> dict[str, object]:
    said = door.ask("init", wanted, writes=True).result
    if not isinstance(said, dict) or not isinstance(said.get("project_id"), str):
        raise Trouble("the portal did not say which project this is")
    return said


def _still_there(session: Session, there: folders.Folder) -> dict[str, object] | None:
    """What the portal says of the project in the pointer; None when it has no such project, as
    after a restore into an empty one."""
    try:
        reply = session.door_of(there).ask("context", {}, writes=False)
    except Refused as refused:
        if refused.status == 404:
            return None
        raise
    return reply.result if isinstance(reply.result, dict) else {}


def _unchanged(session: Session, there: folders.Folder, said: dict[str, object]) -> int:
    asked = session.line.flags
    own = {"prefix": said.get("prefix"), "project": said.get("name")}
    for name, value in own.items():
        if _plain(asked.get(name, value)) != _plain(value):
            session.note(f"This folder stays with {one_line(value)}: --{name} was not used")
    text = f"bd is initialized already: nothing was changed.\n\n  Folder: {there.path}\n"
    return session.answer(_shown(said, there.path), text + _names(said, session.door_of(there)))


def _plain(value: object) -> str:
    """A name as the portal looks it up."""
    return str(value).strip().rstrip("-").casefold()


def _names(said: dict[str, object], door: Door) -> str:
    """Where the issues are first: one machine may know several portals."""
    prefix = one_line(said.get("prefix"))
    lines = [
        f"  Portal: {one_line(door.target.url)}",
        f"  Project: {one_line(said.get('name') or said.get('database'))} "
        f"(workspace {one_line(said.get('workspace'))})",
        f"  Issue prefix: {prefix}",
        f"  Issues will be named: {prefix}-<hash> (e.g., {prefix}-a3f)",
        "",
        "Run `bd quickstart` to get started.",
    ]
    return "\n".join(lines)


def _shown(said: dict[str, object], path: str) -> dict[str, object]:
    return {**said, "beads_dir": path}
