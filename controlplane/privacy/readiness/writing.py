"""Files onto a disk: all of them or none, and nobody's work is overwritten.

A list beside them says what was written and with which hash. What stands there and is not on it, or
is no longer what was written, is somebody's: it is refused unless told otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from controlplane.lib.errors import Conflict, Invalid

LIST = ".readiness.json"


@dataclass(frozen=True, slots=True)
class Written:
    written: list[str]
    same: list[str]
    removed: list[str]


def write(root: Path, files: Mapping[str, str], *, overwrite: bool = False) -> Written:
    """Everything is written beside the folder first, then moved: whoever stops it in the middle
    leaves whole files, and a list that tells which of them are ours."""
    root = root.absolute()
    if root.exists() and not root.is_dir():
        raise Invalid(f"{root} is no folder.")
    known = _listed(root)
    wanted = {_checked(root, name): text.encode() for name, text in sorted(files.items())}
    standing = {name: _hash_of(root / name) for name in {*wanted, *known}}
    foreign = [
        name
        for name, content in wanted.items()
        if standing[name] not in {None, hashlib.sha256(content).hexdigest(), known.get(name)}
    ]
    if foreign and not overwrite:
        raise Conflict(
            f"{len(foreign)} files there were not written by this command, or were changed since: "
            f"{', '.join(foreign[:5])}. Move them away, or say --overwrite.",
            details={"files": foreign},
        )
    done = _moved(root, wanted, standing)
    # What is not made any more goes, where nobody has touched it.
    removed = [
        name for name, sha256 in sorted(known.items())
        if name not in wanted and standing[name] == sha256
    ]  # fmt: skip
    for name in removed:
        (root / name).unlink()
    return Written(done, [name for name in wanted if name not in done], removed)


def _moved(
    root: Path, wanted: Mapping[str, bytes], standing: Mapping[str, str | None]
) -> list[str]:
    root.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        for name, content in wanted.items():
            path = beside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        listed = {name: hashlib.sha256(content).hexdigest() for name, content in wanted.items()}
        (beside / LIST).write_text(json.dumps({"files": listed}, indent=1, sort_keys=True) + "\n")
        done = [name for name in wanted if standing[name] != listed[name]]
        root.mkdir(exist_ok=True)
        for name in done:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(beside / name, root / name)
        os.replace(beside / LIST, root / LIST)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return done


def _checked(root: Path, name: str) -> str:
    """Inside the folder, also where somebody put a link in the way."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise Invalid(f"{name} is no place inside the folder.")
    for number in range(1, len(parts) + 1):
        if (root / Path(*parts[:number])).is_symlink():
            raise Conflict(f"{Path(*parts[:number])} is a link: it may lead anywhere.")
    return str(PurePosixPath(*parts))


def _listed(root: Path) -> dict[str, str]:
    path = root / LIST
    if not path.is_file() or path.is_symlink():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {_checked(root, str(name)): str(sha256) for name, sha256 in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Conflict(f"{path} can't be read: it is not the list this command wrote.") from error


def _hash_of(path: Path) -> str | None:
    if path.is_dir():
        raise Conflict(f"{path} is a folder, where a file is to stand.")
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
