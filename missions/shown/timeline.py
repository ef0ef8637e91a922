"""Everything that happened to a mission, in one order, whoever did it: to the mission itself, to
its work item, to what was asked at its checkpoints, to its plays, runs and what took them back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Cast, Concat

from controlplane.approvals.models import Request
from controlplane.audit import words
from controlplane.audit.models import AuditEvent
from controlplane.audit.refs import subject_ref
from controlplane.lib import kept
from controlplane.lib.text import short
from missions.models import Mission, Play, Run, StageVisit, UndoPlan, UndoRun
from missions.services.checkpoints import subject

MOST = 500


def timeline(mission: Mission, *, most: int = MOST, after: int = 0) -> list[dict[str, Any]]:
    """The oldest first. `after`: those later than the entry of this number."""
    rows = story(mission).filter(pk__gt=after)
    return [_entry(row) for row in rows.order_by("pk")[:most]]


def latest(mission: Mission, *, most: int) -> list[dict[str, Any]]:
    """The newest first."""
    return [_entry(row) for row in story(mission).order_by("-pk")[:most]]


def story(mission: Mission, visits: Iterable[StageVisit] | None = None) -> Any:
    """For whoever may see the mission: what happened to it is part of it. What was refused is the
    business of those who read the log; what the portal says on the work item is the echo of what
    stands here already."""
    return _told(*_asked(mission, visits))


def newest(mission: Mission, visits: Iterable[StageVisit], most: range) -> list[AuditEvent]:
    return kept.ask(
        lambda most, refs, workspace, item: _told(refs, workspace, item).order_by("-id")[
            : len(most)
        ],
        *(most, *_asked(mission, visits)),
    )


def _asked(
    mission: Mission, visits: Iterable[StageVisit] | None
) -> tuple[list[str], int, str | None]:
    """Of which refs, in which workspace, and which of them is its work item."""
    refs = kept.padded(subject_ref(each) for each in subjects(mission, visits))
    item = None if mission.item is None else subject_ref(mission.item)
    return refs, mission.workspace_id, item


def _told(refs: Sequence[str], workspace_id: int, item: str | None) -> Any:
    rows = AuditEvent.objects.about_any(refs)
    told = rows.filter(workspace_id=workspace_id).exclude(outcome="denied")
    return told if item is None else told.exclude(actor_kind="job", subject_ref=item)


def subjects(mission: Mission, visits: Iterable[StageVisit] | None = None) -> list[Any]:
    """What the mission's story is told of: itself, its work item, every question ever asked at its
    checkpoints, each play, each run, each time one was taken back."""
    known = StageVisit.objects.filter(mission=mission) if visits is None else visits
    asked = kept.ask(
        lambda workspace, of: (
            Request.objects.of(workspace)
            .filter(owner="missions.checkpoint", subject__in=of)
            .order_by("-pk")
            .values_list("pk", flat=True)
        ),
        *(mission.workspace_id, kept.padded(subject(each) for each in known)),
    )
    item = [mission.item] if mission.item is not None else []
    name = Request._meta.label_lower
    return [mission, *item, *(f"{name}:{pk}" for pk in asked), *_carried_out(mission)]


# Of a mission that was run more often, the newest.
_MOST_PARTS = 400


def _carried_out(mission: Mission) -> list[str]:
    """The names under which the log knows them, in one question."""
    return [told for told, _ in kept.ask(_parts, mission.pk)]


def _parts(mission: int) -> QuerySet[Any, tuple[str, int]]:
    first, *rest = (
        rows.order_by().annotate(
            told=Concat(
                Value(f"{rows.model._meta.label_lower}:"),
                Cast("pk", CharField()),
                output_field=CharField(),
            ),
            number=F("pk"),
        ).values_list("told", "number")
        for rows in (
            Play.objects.filter(mission=mission),
            UndoPlan.objects.filter(play__mission=mission),
            UndoRun.objects.filter(plan__play__mission=mission),
            Run.objects.filter(mission=mission),
        )
    )  # fmt: skip
    found: QuerySet[Any, tuple[str, int]] = first.union(*rest, all=True)
    return found.order_by("-number")[:_MOST_PARTS]


def _entry(row: AuditEvent) -> dict[str, Any]:
    return {
        "number": row.pk,
        "at": row.at,
        "who": row.actor_label,
        "kind": row.actor_kind,
        "action": row.action,
        "words": words.sentence(row),
        "about": short(row.subject_label, 120),
        "reason": row.reason,
        "stage": _stage(row),
    }


def _stage(row: AuditEvent) -> str:
    found = row.after.get("stage", "") if isinstance(row.after, dict) else ""
    return found if isinstance(found, str) else ""
