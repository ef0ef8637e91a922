"""In whose name: what the tools say, else git, else the account. The portal's log names the key's
owner whatever stands here."""

from __future__ import annotations

import os

from controlplane.bd import files

_DEPTH = 4


def actor(environ: dict[str, str] | os._Environ[str], chosen: str = "") -> str:
    for name in (
        chosen,
        environ.get("BEADS_ACTOR", ""),
        environ.get("BD_ACTOR", ""),
        git(environ).get("user.name", ""),
        environ.get("USER", ""),
        environ.get("LOGNAME", ""),
    ):
        if name.strip():
            return " ".join(name.split())[:200]
    return ""


def owner(environ: dict[str, str] | os._Environ[str]) -> str:
    said = environ.get("GIT_AUTHOR_EMAIL", "") or git(environ).get("user.email", "")
    return " ".join(said.split())[:200]


_read: dict[str, str] | None = None


def git(environ: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    """`user.*` as git would say it, read from its files: starting git costs more than the rest
    of the command. The nearest file wins."""
    global _read
    if _read is None:
        found: dict[str, str] = {}
        for path in _paths(environ):
            _parse(path, found, 0)
        _read = found
    return _read


def _paths(environ: dict[str, str] | os._Environ[str]) -> list[str]:
    home = environ.get("HOME") or os.path.expanduser("~")
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    own = environ.get("GIT_CONFIG_GLOBAL", "")
    paths = [] if environ.get("GIT_CONFIG_NOSYSTEM") else ["/etc/gitconfig"]
    paths += [own] if own else [os.path.join(base, "git", "config"), f"{home}/.gitconfig"]
    return [*paths, *_of_repository()]


def _of_repository() -> list[str]:
    from controlplane.bd import folder

    try:
        root = folder.git_root(os.getcwd())
    except OSError:
        return []
    main = folder.main_clone(root) if root else ""
    return [os.path.join(main or root, ".git", "config")] if root else []


def _parse(path: str, found: dict[str, str], depth: int) -> None:
    section = ""
    for raw in files.read_text(path, 200_000).splitlines():
        line = raw.strip()
        if line.startswith("["):
            section = line.strip("[]").strip().lower()
            continue
        name, equals, value = line.partition("=")
        if not equals or line[0] in "#;":
            continue
        name, value = name.strip().lower(), _unquoted(value)
        if section == "user" and name in ("name", "email"):
            found[f"user.{name}"] = value
        elif section == "include" and name == "path" and depth < _DEPTH:
            other = os.path.join(os.path.dirname(path), os.path.expanduser(value))
            _parse(other, found, depth + 1)


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    for mark in (" #", " ;"):
        value = value.partition(mark)[0]
    return value.strip()
