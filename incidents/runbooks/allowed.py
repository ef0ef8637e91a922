"""What a step may do: a list, and nothing beside it.

A question to the database is one that a release ships, word for word: the read-only role sees rows
of every workspace, so a workspace may not write its own. A command is one of those below, with the
arguments that they take, each of which has a form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from controlplane.access.models import Workspace
from controlplane.jobs.registry import JOBS
from controlplane.lib.given import refuse
from incidents.runbooks import reading
from incidents.runbooks.reading import Document, Step
from telemetry.queries.shipped import SHIPPED

_NUMBER = r"[0-9]{1,9}"
_NAME = r"[a-z0-9][a-z0-9_.-]{0,60}"


@dataclass(frozen=True, slots=True)
class Command:
    """`options`: each flag with the form of its value; "" for one without."""

    options: Mapping[str, str] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()  # always said


# All of them only look.
COMMANDS: Mapping[str, Command] = {
    "doctor": Command(),
    "jobs": Command(),
    "db_activity": Command({"--longer": _NUMBER}),
    "db_roles": Command({"--check": ""}, ("--check",)),
    "verify_audit": Command(),
}
BREAKER_MOVES = ("trip", "close")
WHATS = ("outbox", "timer", "signal")
_PLACE = re.compile(r"\{[a-z_]+\}\Z")


@cache
def questions() -> frozenset[str]:
    """Every question to the database that the release ships."""
    from incidents.runbooks.books import shipped  # books asks this module when it writes

    steps = (step for _, document in shipped().values() for step in document.steps)
    return frozenset(step.body for step in steps if step.kind == "query")


def check(document: Document, workspace: Workspace | None) -> None:
    """Refuse a text with a step that is on no list."""
    for step in document.steps:
        why = wrong(step, shipped=workspace is None)
        if why:
            raise refuse("text", f"Step {step.number}, “{step.title}”: {why}")


def wrong(step: Step, *, shipped: bool = False) -> str:
    if step.kind == "query":
        return "" if shipped else _question(step)
    if step.kind == "command":
        return _command(step.given["run"])
    if step.kind == "job":
        return "" if step.given["job"] in JOBS else "there is no such job."
    if step.kind == "measure":
        known = step.given["question"] in SHIPPED
        return "" if known else "there is no such question to the measures."
    if step.kind == "breaker":
        return _one_of(step.given["breaker"].split(" ")[0], BREAKER_MOVES)
    if step.kind == "requeue":
        return _one_of(step.given["what"].split(" ")[0], WHATS)
    return ""


def _question(step: Step) -> str:
    if step.body in questions():
        return ""
    return "a question to the database is taken word for word from a shipped runbook."


def _one_of(word: str, known: tuple[str, ...]) -> str:
    return "" if word in known else f"one of {', '.join(known)}."


def _command(line: str) -> str:
    words = line.split()
    known = COMMANDS.get(words[0]) if words else None
    if known is None:
        return f"only these commands run here: {', '.join(sorted(COMMANDS))}."
    rest = [word for word in words[1:] if word not in known.fixed]
    while rest:
        word = rest.pop(0)
        form = known.options.get(word)
        if form is None:
            return f"{words[0]} does not take {word[:40]} here."
        if form:
            value = rest.pop(0) if rest else ""
            if not _PLACE.match(value) and not re.fullmatch(form, value):
                return f"{word} of {words[0]} has another form."
    return ""


def argv(line: str, given: Mapping[str, str]) -> list[str]:
    """The command with what was filled in, each value one argument that has its form."""
    words = [reading.ASKED.sub(lambda found: given.get(found[1], ""), w) for w in line.split()]
    why = _command(" ".join(words)) if all(words) and not any(" " in w for w in words) else (
        "a value is missing, or holds a blank."
    )  # fmt: skip
    if why:
        raise refuse("given", why)
    known = COMMANDS[words[0]]
    return [words[0], *known.fixed, *(word for word in words[1:] if word not in known.fixed)]
