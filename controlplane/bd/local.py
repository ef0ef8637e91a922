"""What is answered here, or completed with what only this machine knows."""

from __future__ import annotations

import os

from controlplane.bd import BUILD, VERSION
from controlplane.bd import folder as folders
from controlplane.bd.errors import Trouble
from controlplane.bd.printing import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from controlplane.bd.main import Session


def version(session: Session) -> int:
    if session.json:
        session.print_json({"version": VERSION, "build": BUILD, "branch": ""})
    else:
        # Asked for by name, it is said also under --quiet.
        session.quiet = False
        session.say(f"bd version {VERSION} ({BUILD})")
    return 0


def _place(session: Session) -> dict[str, object]:
    folder = session.folder
    if folder is None:
        return {"database_path": session.sandbox} if session.sandbox else {}
    return {
        "beads_dir": folder.path,
        "database_path": session.sandbox or folder.path,
        "repo_root": folders.git_root(folder.root) or folder.root,
        "is_worktree": bool(folders.main_clone(folders.git_root(os.getcwd()) or "/")),
        "is_redirected": folder.path != folders.place_for_new(os.environ)
        and os.path.exists(os.path.join(folders.place_for_new(os.environ), "redirect")),
    }


def _completed(session: Session, op: str, args: dict[str, object]) -> dict[str, object]:
    reply = session.door.ask(op, args, writes=False)
    for note in reply.notes:
        session.note(note)
    said = reply.result if isinstance(reply.result, dict) else {}
    return {**said, **_place(session), "bd_version": VERSION, "server": session.door.target.url}


def context(session: Session) -> int:
    found = _completed(session, "context", {})
    return session.answer(found, _pairs(found))


def info(session: Session) -> int:
    args: dict[str, object] = {"schema": True} if session.line.flags.get("schema") else {}
    found = _completed(session, "info", args)
    return session.answer(found, _pairs(found))


def where(session: Session) -> int:
    folder = session.folder
    if folder is None:
        raise Trouble(folders.NOT_FOUND, hint=folders.HINT)
    found = {
        "path": folder.path,
        "beads_dir": folder.path,
        "database_path": session.sandbox or folder.path,
        "prefix": folder.said("prefix"),
        "project": folder.said("project"),
        "project_id": folder.said("project_id"),
    }
    return session.answer(found, folder.path)


def doctor(session: Session) -> int:
    flags = session.line.flags
    taken = ("check", "fix", "clean", "deep")
    args: dict[str, object] = {name: flags[name] for name in taken if flags.get(name)}
    reply = session.door.ask("doctor", args, writes=False)
    for note in reply.notes:
        session.note(note)
    found: dict[str, object] = reply.result if isinstance(reply.result, dict) else {}
    found = {**found, "path": session.folder.root if session.folder else session.sandbox}
    return session.answer(found, _checks(found))


def _checks(found: dict[str, object]) -> str:
    checks = found.get("checks")
    lines = []
    for check in checks if isinstance(checks, list) else []:
        if isinstance(check, dict):
            sign = "✓" if check.get("status") == "ok" else "✖"
            lines.append(f"{sign} {one_line(check.get('name'))}: {one_line(check.get('message'))}")
    return "\n".join(lines) or _pairs(found)


def cleanup(session: Session) -> int:
    result = {
        "status": "ok",
        "deleted_count": 0,
        "message": "nothing to clean up: the portal keeps closed issues for the record",
    }
    return session.answer(result, f"✓ {str(result['message']).capitalize()}")


def migrate(session: Session) -> int:
    result = {
        "status": "current",
        "message": "the portal keeps its own tables up to date",
        "bd_version": VERSION,
        "needs_migration": False,
        "registered_migrations": [],
        "warnings": [],
    }
    return session.answer(result, f"✓ {str(result['message']).capitalize()}")


def _pairs(found: dict[str, object]) -> str:
    from controlplane.bd.texts import figures

    return figures.plain(found, {}, {})


def prime(session: Session) -> int:
    """For an agent's context: nothing where nothing is connected."""
    if session.folder is not None or session.sandbox:
        from controlplane.bd import guides

        session.say(guides.PRIME)
    return 0


def quickstart(session: Session) -> int:
    from controlplane.bd import guides

    session.say(guides.QUICKSTART)
    return 0
