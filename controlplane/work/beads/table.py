"""The commands' table, and the way from a request to the function that answers it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, NamedTuple

from django.db import transaction

from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotFound
from controlplane.work import services
from controlplane.work.beads.asking import Call, Given
from controlplane.work.models import Project
from controlplane.work.services import reading

# How a client shows an answer: nothing to the server, which answers rows.
SHOWN = frozenset(
    {
        "long",
        "short",
        "flat",
        "tree",
        "pretty",
        "plain",
        "format",
        "watch",
        "no_pager",
        "local_time",
        "current",
        "silent",
        "verbose",
        "yes",
    }
)


# The setting that asks for a copy on disk.
EXPORT_AUTO = "export.auto"


class Command(NamedTuple):
    answer: Callable[[Call], Any]
    takes: frozenset[str]
    writes: bool
    in_project: bool


COMMANDS: dict[str, Command] = {}


def command(
    *names: str, takes: Iterable[str] = (), writes: bool = False, in_project: bool = True
) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Put a function into the table. `takes`: what it knows; anything else is refused, for a
    misspelt filter must not answer with everything."""

    def put(function: Callable[[Call], Any]) -> Callable[[Call], Any]:
        entry = Command(function, frozenset(takes) | SHOWN, writes, in_project)
        for name in names:
            COMMANDS[name] = entry
        return function

    return put


class Asked(NamedTuple):
    """The body of a request, its types known."""

    op: str
    project: str = ""
    sandbox: str = ""
    name: str = ""
    owner: str = ""
    args: dict[str, Any] = {}


def perform(asked: Asked, *, workspace: Workspace, actor: Actor) -> Call:
    """Do it. A command that changes something is one transaction: all of it or nothing. The
    call's `result` is on it afterwards."""
    entry = COMMANDS.get(asked.op)
    if entry is None:
        shown = reading.line("op", asked.op, 10_000)[:60].replace("_", " ")
        raise Invalid(f'unknown command "{shown}" for "bd"', details={"op": "There is none."})
    for name in asked.args:
        if name not in entry.takes:
            shown = "--" + str(name)[:60].replace("_", "-")
            raise Invalid(f"unknown flag: {shown}", details={str(name)[:60]: "Unknown."})
    with transaction.atomic() if entry.writes else nullcontext():
        call = Call(
            op=asked.op,
            actor=actor,
            workspace=workspace,
            project=_project(asked, workspace, actor, entry),
            given=Given(asked.args),
            name=reading.line("as", asked.name, 200),
            owner=reading.line("owner", asked.owner, 200),
        )
        call.result = entry.answer(call)
    return call


def keeps_export(call: Call) -> bool:
    """Whether the tools of this project read `.beads/issues.jsonl`, so that the client renews it
    after what it changed."""
    entry = COMMANDS.get(call.op)
    if entry is None or not entry.writes or call.project.is_sandbox:
        return False
    config = call.project.config
    if call.op == "config_set" and call.given.text("key") == EXPORT_AUTO:
        config = {EXPORT_AUTO: call.given.text("value")}
    return str(config.get(EXPORT_AUTO, "")).lower() in {"1", "true", "yes", "on"}


def _project(asked: Asked, workspace: Workspace, actor: Actor, entry: Command) -> Project:
    mine = Project.objects.visible_to(actor).of(workspace)
    if asked.sandbox:
        return services.open_sandbox(workspace, asked.sandbox, actor=actor)
    if asked.project and entry.in_project:
        return _named(mine, asked.project)
    found: Project | None = mine.filter(is_operations=True).first()
    if found is None:
        raise NotFound("This workspace has no project yet: run `bd init`.")
    return found


def _named(mine: Any, uid: str) -> Project:
    """A sandbox is reached by its path alone: whose it is stands in its key."""
    found: Project | None = mine.shared().filter(uid=_uid(uid)).first()
    if found is None:
        raise NotFound(
            "The project that .beads/ points at is not in this workspace: run `bd init`.",
            details={"project": "There is none."},
        )
    return found


def _uid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Invalid("project is the uid of one.", details={"project": "No uid."}) from None
