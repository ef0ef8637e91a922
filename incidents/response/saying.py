"""Words, logs, screenshots and snapshots for the timeline. They are said of the work item, where
whoever follows it reads them; what is said better stays readable as it was said first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotAllowed
from controlplane.lib.given import refuse, text
from controlplane.lib.redaction import redact_text
from controlplane.work import services as work
from controlplane.work.models import Comment, ItemLink
from controlplane.work.services import trees
from controlplane.work.shown.words import state_of
from incidents.models import Correction, Incident
from incidents.records.holding import hold

_WORDS, _LOG, _INLINE = 10_000, 200_000, 4_000
_FILES = 6
_NODES = 400


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it came."""

    name: str
    content: Any
    size: int | None = None
    media_type: str = ""


def say(
    incident: Incident,
    words: str = "",
    *,
    actor: Actor,
    log: str = "",
    files: Sequence[Sent] = (),
) -> Comment:
    """A word, the log of a command (secrets taken out; a long one becomes a file), screenshots."""
    policy.require(actor, "incident.comment", incident)
    item = incident.item
    if item is None:
        raise Conflict("It has no work item to say it of.")
    said = redact_text(text("text", words, _WORDS))
    pasted = redact_text(text("log", log, _LOG))
    if not (said or pasted or files):
        raise refuse("text", "Say something, or send something.")
    if len(files) > _FILES:
        raise refuse("files", f"At most {_FILES} at once.")
    kept: list[ItemLink] = []
    if len(pasted) > _INLINE:
        name = f"{incident.ref}-{clock.now():%H%M%S}.log.txt"
        kept.append(work.attach(item, actor=actor, filename=name, content=pasted.encode()))
    for each in files:
        kept.append(
            work.attach(
                item, actor=actor, filename=each.name, content=each.content, size=each.size,
                media_type=each.media_type,
            )
        )  # fmt: skip
    parts = [said]
    if pasted and len(pasted) <= _INLINE:
        parts.append(f"```\n{pasted.replace('```', '` ` `')}\n```")
    if kept:
        parts.append("Attached: " + ", ".join(each.title for each in kept) + ".")
    whole = "\n\n".join(part for part in parts if part)
    return work.comment(item, whole, actor=actor)


def keep_tree(incident: Incident, *, actor: Actor) -> ItemLink:
    """What its work item depends on and what depends on it, as it stands now, as a file."""
    policy.require(actor, "incident.comment", incident)
    if incident.item is None:
        raise Conflict("It has no work item.")
    now = clock.now()
    told = f"{incident.ref} at {now:%Y-%m-%d %H:%M:%S} UTC\n\n{tree_text(incident)}"
    return work.attach(
        incident.item, actor=actor, filename=f"{incident.ref}-tree-{now:%Y%m%d-%H%M%S}.txt",
        content=told.encode(), title=f"Dependency tree at {now:%H:%M} UTC",
    )  # fmt: skip


def tree_text(incident: Incident) -> str:
    assert incident.item is not None
    lines = []
    for direction, words in (("down", "It waits for"), ("up", "What waits for it")):
        found = trees.tree(incident.item, direction=direction, max_nodes=_NODES)
        lines.append(f"{words}:")
        lines += [
            f"{'  ' * (depth + 1)}{node.item.key} [{state_of(node.item)}] {node.item.title}"
            for depth, node in _walk(found.nodes[0].below)
        ]
        if len(found.nodes) == 1:
            lines.append("  nothing")
        if found.truncated:
            lines.append("  … and more")
    return "\n".join(lines) + "\n"


def _walk(nodes: Sequence[trees.Node], depth: int = 0) -> Any:
    for node in nodes:
        yield depth, node
        yield from _walk(node.below, depth + 1)


@transaction.atomic
def correct(incident: Incident, comment: Comment, words: str, *, actor: Actor) -> Correction:
    """Say it better. Only whoever said it, or leads the incident; each version is kept."""
    row = hold(incident)
    policy.require(actor, "incident.comment", row)
    if comment.item_id != row.item_id:
        raise refuse("comment", "It was not said of this incident.")
    if comment.actor_ref != actor.ref and row.commander_id != (actor.user_id or 0):
        raise NotAllowed("Only whoever said it, or who leads the incident, says it better.")
    said = redact_text(text("text", words, _WORDS, required=True))
    before = Correction.objects.filter(comment=comment).order_by("-number").first()
    if said == (before.text if before is not None else comment.text):
        raise Conflict("It says that already.")
    made = Correction(
        workspace=row.workspace, incident=row, comment=comment, text=said, by=actor.ref[:80],
        number=before.number + 1 if before is not None else 1,
    )  # fmt: skip
    made.save(force_insert=True)
    record(actor, "incident.correct", row, after={"comment": comment.pk, "version": made.number})
    return made
