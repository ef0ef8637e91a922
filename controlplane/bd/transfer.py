"""Whole projects as JSON lines, out and in; and `issues.jsonl` beside the pointer, which is only
ever written. Nothing is imported but on somebody's word."""

from __future__ import annotations

import os
import sys
from urllib.parse import quote

from controlplane.bd import portal, printing, wire
from controlplane.bd.errors import BadOption, Refused, Trouble, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.bd.main import Session

KIND = "application/x-ndjson"
# From here on a file is sent packed: what stands before a portal takes 16 MB and no more.
_PACKED_FROM = 256 * 1024


def export(session: Session) -> int:
    path = str(session.line.flags.get("output") or "")
    if path in ("", "-"):
        for piece in _pieces(session):
            printing.put(piece)
        return 0
    count = write_file(session, path)
    if session.json:
        session.print_json({"exported": count, "path": path})
    else:
        session.note(f"Exported {count} issues to {path}")
    return 0


def write_file(session: Session, path: str) -> int:
    """The old file stays until the new one is complete."""
    scratch = f"{path}.{os.getpid()}.tmp"
    try:
        count = 0
        try:
            with open(scratch, "wb") as out:
                for piece in _pieces(session):
                    count += piece.count(b"\n")
                    out.write(piece)
                out.flush()
                os.fsync(out.fileno())
            os.replace(scratch, path)
        except BaseException:
            if os.path.exists(scratch):
                os.unlink(scratch)
            raise
    except OSError as error:
        raise Trouble(f"{path} can't be written: {error.strerror or error}") from None
    return count


def refresh(session: Session) -> None:
    """`issues.jsonl` after a writing. What is done stays done if the file can't be written."""
    if session.folder is None:
        return
    try:
        write_file(session, session.folder.export)
    except (Trouble, Refused) as error:
        session.note(f"Warning: {session.folder.export} was not refreshed: {error}")


def _pieces(session: Session) -> Iterator[bytes]:
    door = session.door
    path = f"{portal.EXPORT}?project={_project(session)}"
    answer = wire.request(door.target, "GET", path, stream=True)
    if answer.status != 200:
        raise wire.refusal(answer, door.target.url)
    last = b"\n"
    try:
        for piece in answer.pieces():
            last = piece[-1:] or last
            yield piece
    except (wire.Broken, OSError) as error:
        raise Unreachable(f"the export was torn off: {error}") from None
    finally:
        answer.close()
    if last != b"\n":
        raise Unreachable("the export was torn off in the middle of a line")


def _project(session: Session) -> str:
    """The project's uid; a sandbox's is asked for by its path."""
    found = session.door.project
    if session.sandbox:
        said = session.door.ask("context", {}, writes=False).result
        found = str(said.get("project_id") or "") if isinstance(said, dict) else ""
    return quote(found, safe="")


# --- In ---------------------------------------------------------------------------------------


def load(session: Session) -> int:
    from controlplane.bd import grammar

    named = session.line.flags.get("input") or grammar.place(session.line).get("file")
    if not named:
        named = "-" if sys.stdin is not None and not sys.stdin.isatty() else ""
    if not named:
        raise BadOption("name a file, or - for standard input")
    return load_file(session, str(named))


def load_file(session: Session, path: str) -> int:
    data = _read(path)
    check(data, path)
    door = session.door
    dry = session.line.flags.get("dry-run") is True
    query = f"?project={_project(session)}" + ("&dry_run=true" if dry else "")
    way = session.line.flags.get("on-newer")
    query += f"&on_newer={quote(str(way), safe='')}" if way else ""
    sent = _packed(data)
    answer = wire.request(
        door.target,
        "POST",
        portal.IMPORT + query,
        body=sent,
        kind=KIND,
        packed=sent is not data,
        key=portal.new_key(),
    )
    if answer.status == 413:
        raise Refused(
            413,
            "TOO_LARGE",
            f"{path} is more than the portal takes at once ({len(data) // 1_000_000} MB,"
            f" {len(sent) // 1_000_000} MB packed); nothing was imported. Import it in parts, or by"
            " `manage.py work import` on the portal's machine",
        )
    if answer.status not in (200, 201):
        raise wire.refusal(answer, door.target.url)
    said = portal.read_object(answer.body(), door.target.url)
    notes, kept = said.pop("notes", None), said.get("kept")
    for note in notes if isinstance(notes, list) else []:
        session.note(str(note))
    if isinstance(kept, list) and kept:
        session.note(f"Newer here, and left alone: {', '.join(map(str, kept[:20]))}")
    summary: dict[str, object] = {**said, "skipped": said.get("unchanged", 0), "source": path}
    if not dry:
        session.written(portal.Reply({"export": session.keeps_export()}), {})
    return session.answer(summary, _told(summary, path, dry=dry))


def _packed(data: bytes) -> bytes:
    if len(data) < _PACKED_FROM:
        return data
    import gzip

    return gzip.compress(data, 6, mtime=0)


def _told(summary: dict[str, object], path: str, *, dry: bool) -> str:
    names = ("created", "updated", "unchanged")
    counts = [f"{summary[name]} {name}" for name in names if isinstance(summary.get(name), int)]
    head = "Would import" if dry else "Imported"
    return f"{head} {printing.one_line(path)}: {', '.join(counts) or 'done'}"


def _read(path: str) -> bytes:
    try:
        if path == "-":
            return sys.stdin.buffer.read() if sys.stdin is not None else b""
        with open(path, "rb") as handle:
            return handle.read()
    except OSError as error:
        raise Trouble(f"{path} can't be read: {error.strerror}") from None


def check(data: bytes, path: str) -> None:
    """What shows a broken file before it is sent: the portal looks at the rest, line by line."""
    import json

    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadOption(f"{path}, line {line}: invalid UTF-8; nothing was imported") from None
    last = text.rstrip().rpartition("\n")[2].strip()
    if not last:
        return
    try:
        json.loads(last)
    except ValueError:
        line = text.rstrip().count("\n") + 1
        raise BadOption(
            f"{path}, line {line}: the last line is torn off; nothing was imported"
        ) from None


# --- Sync -------------------------------------------------------------------------------------


def sync(session: Session) -> int:
    """Beads' stores of files had to be synchronised. Here only the copy on disk may be old."""
    folder = session.folder
    looks_only = session.line.flags.get("status") is True or session.line.on("readonly")
    kept = folder is not None and not session.sandbox and os.path.exists(folder.export)
    if not kept and not session.sandbox:
        kept = session.keeps_export()
    exported = 0
    if kept and folder is not None and not looks_only and not session.line.flags.get("dry-run"):
        exported = write_file(session, folder.export)
        folder.touch()
    result = {
        "status": "ok",
        "exported": exported,
        "keeps_export": kept,
        "message": "the portal keeps one graph for everybody",
    }
    text = f"✓ Exported {exported} issues" if exported else "✓ Nothing to synchronise"
    return session.answer(result, f"{text}: the portal keeps one graph for everybody.")
