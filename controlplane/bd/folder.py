"""The `.beads/` folder: which one is in force, and the pointer in it.

The pointer says which project the folder belongs to. It is meant for git, so it never holds a
secret; and it never says whither a key is sent, for anybody's repository could say so.
"""

from __future__ import annotations

import os

from controlplane.bd import files
from controlplane.bd.errors import Trouble

NAME = ".beads"
POINTER = "metadata.json"
TOUCHED = "last-touched"
EXPORT = "issues.jsonl"
BACKEND = "controlplane"
IGNORED = """# Written by `bd init`. The pointer (metadata.json) and issues.jsonl may be committed.
last-touched
*.tmp
*.db
*.db-*
*.sock
*.log
redirect
"""
_STEPS = 64
NOT_FOUND = "no beads database found"
HINT = (
    "run 'bd init' to connect this folder with the portal, or set BEADS_DIR to a .beads folder "
    "that is connected"
)


class Folder:
    """A `.beads/` with a pointer of ours in it."""

    def __init__(self, path: str, pointer: dict[str, object]) -> None:
        self.path = path
        self.pointer = pointer

    def said(self, name: str) -> str:
        value = self.pointer.get(name)
        return value if isinstance(value, str) else ""

    @property
    def root(self) -> str:
        return os.path.dirname(self.path)

    @property
    def export(self) -> str:
        return os.path.join(self.path, EXPORT)

    def last_touched(self) -> str:
        return files.read_text(os.path.join(self.path, TOUCHED), 200).strip()

    def touch(self, key: str = "") -> None:
        """Tools that watch the folder read everything again. A folder that can't be written
        must not make a change that is done look failed."""
        text = (key or self.last_touched()) + "\n"
        try:
            with open(os.path.join(self.path, TOUCHED), "w", encoding="utf-8") as handle:
                handle.write(text)
        except OSError:
            return


def of(path: str) -> Folder | None:
    """The folder at this path, or the one it redirects to, when it is connected."""
    for _ in range(4):
        line = files.read_text(os.path.join(path, "redirect"), 4_000).strip()
        if not line:
            break
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.path.expanduser(line)))
    pointer = files.read_json(os.path.join(path, POINTER))
    if pointer.get("backend") != BACKEND or not isinstance(pointer.get("project_id"), str):
        return None
    return Folder(path, pointer)


def find(environ: dict[str, str] | os._Environ[str]) -> Folder | None:
    """BEADS_DIR, else the nearest upwards; a worktree falls back to its main clone."""
    named = environ.get("BEADS_DIR", "")
    if named:
        return of(os.path.abspath(os.path.expanduser(named)))
    at = _here()
    for _ in range(_STEPS):
        found = of(os.path.join(at, NAME)) or _of_main_clone(at)
        if found:
            return found
        above = os.path.dirname(at)
        if above == at:
            return None
        at = above
    return None


def require(environ: dict[str, str] | os._Environ[str]) -> Folder:
    found = find(environ)
    if found is None:
        raise Trouble(NOT_FOUND, hint=HINT)
    return found


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:
        raise Trouble("the current folder is gone: change to another one") from None


def _of_main_clone(at: str) -> Folder | None:
    main = main_clone(at)
    return of(os.path.join(main, NAME)) if main else None


def main_clone(at: str) -> str:
    """The main clone of the worktree whose root this is; empty for everything else."""
    line = files.read_text(os.path.join(at, ".git"), 4_000).strip()
    if not line.startswith("gitdir:"):
        return ""
    own = os.path.normpath(os.path.join(at, line.partition(":")[2].strip()))
    shared = files.read_text(os.path.join(own, "commondir"), 4_000).strip()
    if not shared:
        return ""
    common = os.path.normpath(os.path.join(own, shared))
    return os.path.dirname(common) if os.path.basename(common) == ".git" else ""


def git_root(at: str) -> str:
    for _ in range(_STEPS):
        if os.path.exists(os.path.join(at, ".git")):
            return at
        above = os.path.dirname(at)
        if above == at:
            return ""
        at = above
    return ""


def place_for_new(environ: dict[str, str] | os._Environ[str]) -> str:
    named = environ.get("BEADS_DIR", "")
    return os.path.abspath(os.path.expanduser(named)) if named else os.path.join(_here(), NAME)


def already(environ: dict[str, str] | os._Environ[str]) -> Folder | None:
    """What a second `init` here would repeat: this folder, or the clone that it is part of."""
    here = of(place_for_new(environ))
    if here or environ.get("BEADS_DIR"):
        return here
    root = git_root(_here())
    found = find(environ) if root else None
    if found is None:
        return None
    inside = found.root == root or found.root == main_clone(root)
    return found if inside or found.root.startswith(root + os.sep) else None


def connect(path: str, pointer: dict[str, object]) -> Folder:
    """Write the pointer into the folder, making it."""
    import json

    try:
        os.makedirs(path, exist_ok=True)
        ignore = os.path.join(path, ".gitignore")
        if not os.path.exists(ignore):
            files.replace(ignore, IGNORED)
        # Last, because it is what says that the folder is connected.
        text = json.dumps(pointer, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        files.replace(os.path.join(path, POINTER), text)
    except OSError as error:
        raise Trouble(f"{path} can't be written: {error.strerror}") from None
    return Folder(path, pointer)
