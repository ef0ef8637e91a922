"""What agents found out about tools, remembered for an hour for all agents of the workspace.

The portal asks no tool router itself: an agent asks here first, several questions at once, and
brings what it had to find out elsewhere. A toolkit, a connection or a flag that changed meanwhile
makes that out of date: the `seen` it was given then is no longer good, and nothing is kept. Nothing
rests on it: without a cache every question is open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base import cache
from controlplane.lib import defaults
from controlplane.lib.actors import Actor
from controlplane.lib.redaction import redact_text
from missions.services import reading

MOST = defaults.define(
    "missions.discoveries_most",
    20,
    unit="questions",
    why="One call of an agent that plans a mission; more are more calls.",
)
TOOLS = 50  # of one answer
QUESTION, DETAIL = 300, 500


class Answer(NamedTuple):
    """`tools` None: nobody found out within the hour."""

    question: str
    tools: list[dict[str, str]] | None


class Asked(NamedTuple):
    """`seen` is brought back with what is found out; empty: nothing is remembered now."""

    answers: list[Answer]
    seen: str


def ask(workspace: Workspace, questions: Sequence[str], *, actor: Actor) -> Asked:
    policy.require(actor, "mission.session", workspace)
    wanted = _questions(questions)
    found, seen = cache.peek([_key(workspace.pk, each) for each in wanted])
    answers = [
        Answer(question, None if tools is cache.MISSING else tools)
        for question, tools in zip(wanted, found, strict=True)
    ]
    return Asked(answers, seen)


def bring(
    workspace: Workspace, found: Sequence[Mapping[str, Any]], *, actor: Actor, seen: str
) -> int:
    """Remember these answers, each for its question. How many were: none when something changed
    since `seen`."""
    policy.require(actor, "mission.session", workspace)
    generation = reading.line("seen", seen, 20)
    if generation and not (generation.isascii() and generation.isdigit()):
        raise reading.refuse("seen", "As it was answered.")
    wanted = _questions([each["question"] for each in found])
    tools = [_tools(each["tools"]) for each in found]
    ttl = int(cache.TOOL_DISCOVERY.value)
    return sum(
        cache.keep(_key(workspace.pk, question), ttl, answer, generation)
        for question, answer in zip(wanted, tools, strict=True)
    )


def _questions(given: Sequence[str]) -> list[str]:
    if not 0 < len(given) <= MOST.value:
        raise reading.refuse("questions", f"From one to {MOST.value}.")
    return [reading.line("question", each, QUESTION, required=True) for each in given]


def _tools(given: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    if len(given) > TOOLS:
        raise reading.refuse("tools", f"At most {TOOLS}.")
    return [
        {
            "tool": reading.line("tool", each["tool"], 120, required=True),
            "toolkit": reading.line("toolkit", each.get("toolkit", ""), 50).lower(),
            "detail": redact_text(reading.text("detail", each.get("detail", ""), DETAIL)),
        }
        for each in given
    ]


def _key(workspace_id: int, question: str) -> str:
    """Spaces and case make no other question."""
    asked = " ".join(question.casefold().split())
    return f"tools:{workspace_id}:{hashlib.sha256(asked.encode()).hexdigest()[:32]}"
