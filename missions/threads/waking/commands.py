"""Which commands may be started to wake an agent: the installation's environment says, nobody else.

    CONTROLPLANE_WAKE_COMMANDS='{"codex": {
        "resume": ["codex", "exec", "resume", "{session_id}", "{prompt}"],
        "spawn": ["codex", "exec", "{prompt}"], "folder": "/srv/agents"}}'

By the name of the runtime; `default` is for agents that have none. Whoever may set the environment
of the processes may start programs as their user already; a row in the database, which is edited
from a browser or by a program's key, may not. None is allowed as shipped.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from controlplane.lib.errors import Invalid
from missions.threads.models import RuntimeSession, WakeTrigger

ENVIRONMENT = "CONTROLPLANE_WAKE_COMMANDS"
DEFAULT = "default"
_WORD = re.compile(r"\{(\w+)\}")
_KNOWN = frozenset({"session_id", "prompt", "thread", "wake", "agent", "role"})
# What begins with a dash is an option to the program that reads it.
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
# What a command sees of the portal's environment: nothing that is secret.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "TMUX_TMPDIR")


@dataclass(frozen=True, slots=True)
class Templates:
    resume: tuple[str, ...] = ()
    spawn: tuple[str, ...] = ()
    folder: str = ""


def allowed() -> Mapping[str, Templates]:
    return _read(os.environ.get(ENVIRONMENT, ""))


@lru_cache(maxsize=8)
def _read(text: str) -> Mapping[str, Templates]:
    if not text.strip():
        return {}
    try:
        given = json.loads(text)
    except ValueError:
        raise Invalid(f"{ENVIRONMENT}: not JSON.") from None
    if not isinstance(given, dict):
        raise Invalid(f"{ENVIRONMENT}: an object by the name of the runtime.")
    return {str(name): _templates(str(name), value) for name, value in given.items()}


def _templates(name: str, given: Any) -> Templates:
    if not isinstance(given, dict) or not given.keys() <= {"resume", "spawn", "folder"}:
        raise Invalid(f"{ENVIRONMENT}: {name} has resume, spawn and folder.")
    folder = given.get("folder", "")
    if not isinstance(folder, str):
        raise Invalid(f"{ENVIRONMENT}: the folder of {name} is a path.")
    argvs = {path: _argv(name, path, given.get(path, [])) for path in ("resume", "spawn")}
    return Templates(**argvs, folder=folder)


def _argv(name: str, path: str, given: Any) -> tuple[str, ...]:
    words = isinstance(given, list) and all(isinstance(part, str) and part for part in given)
    if not words:
        raise Invalid(f"{ENVIRONMENT}: {path} of {name} is a list of words.")
    if given and _WORD.search(given[0]):
        raise Invalid(f"{ENVIRONMENT}: the program of {name} is named, not filled in.")
    unknown = {word for part in given for word in _WORD.findall(part)} - _KNOWN
    if path == "spawn" and any("{session_id}" in part for part in given):
        unknown.add("session_id")
    if unknown:
        raise Invalid(f"{ENVIRONMENT}: {path} of {name} has {{{sorted(unknown)[0]}}}.")
    return tuple(given)


def for_resume(session: RuntimeSession) -> Templates | None:
    found = allowed().get(session.runtime)
    usable = found and found.resume and _SESSION.fullmatch(session.session_id)
    return found if usable else None


def for_spawn(runtimes: list[str]) -> Templates | None:
    """Of the runtime that the agent used last, or the one for everybody."""
    known = allowed()
    named = (known.get(name) for name in (*runtimes, DEFAULT))
    return next((found for found in named if found and found.spawn), None)


def fill(argv: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    """Each stays one argument, whatever is in it; no shell reads it, and nothing that was filled in
    is filled again."""
    return [_WORD.sub(lambda word: values.get(word.group(1), ""), part) for part in argv]


def values(row: WakeTrigger, session: RuntimeSession | None, prompt: str) -> dict[str, str]:
    return {
        "session_id": session.session_id if session is not None else "",
        "prompt": prompt,
        "thread": str(row.thread.uid),
        "wake": str(row.uid),
        "agent": str(row.agent.uid),
        "role": row.participant.role,
    }


def environment(row: WakeTrigger) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "WAKE_ID": str(row.uid),
        "THREAD_ID": str(row.thread.uid),
        "AGENT_ID": str(row.agent.uid),
        "UNREAD_FROM": str(row.from_seq),
        "UNREAD_TO": str(row.to_seq),
        "CORRELATION_ID": row.correlation_id,
    }
