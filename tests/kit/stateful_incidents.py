"""Incidents for the walk over every transition table."""

from __future__ import annotations

from typing import Any

from django.db import models

from controlplane.lib import clock
from incidents.models import Drill, Incident
from incidents.records import moving
from incidents.response import acting, updates
from incidents.reviews import writing
from incidents.runbooks import books, running
from incidents.support import articles
from tests import make
from tests.kit.incidents import Watchroom
from tests.kit.stateful import NEEDS, builds


@builds("incidents.incident")
def incident() -> models.Model:
    return Watchroom().quiet()


def _incident(row: models.Model, to: str) -> dict[str, Any]:
    """What is merged says into which one."""
    assert isinstance(row, Incident)
    if to != "merged":
        return {"merged_into": None}
    return {"merged_into": Watchroom(row.workspace).quiet()}


NEEDS["incidents.incident"] = _incident


@builds("incidents.update")
def update() -> models.Model:
    """A draft of what customers shall read."""
    room = Watchroom()
    actor = room.by(room.primary)
    return updates.post_update(
        room.quiet(), actor=actor, text="We look at it.", audience="customers"
    )


def _posted(row: models.Model, to: str) -> dict[str, Any]:
    return {"posted_at": clock.now(), "posted_by": "job:tests"} if to == "posted" else {}


NEEDS["incidents.update"] = _posted


@builds("incidents.action")
def action() -> models.Model:
    room = Watchroom()
    actor = room.by(room.primary)
    return acting.plan(room.quiet(), "scale", "two more", actor=actor, reason="Walk.")


def _ended_action(row: models.Model, to: str) -> dict[str, Any]:
    ended = {"ended_at": clock.now(), "code": "NOT_FOUND"}
    return ended if to in {"done", "refused", "failed"} else {}


NEEDS["incidents.action"] = _ended_action


@builds("incidents.escalationrun")
def escalation() -> models.Model:
    room = Watchroom()
    return room.begin(room.quiet())


def _ended(row: models.Model, to: str) -> dict[str, Any]:
    if to == "running":
        return {}
    return {"next_at": None, "ended_at": clock.now()}


NEEDS["incidents.escalationrun"] = _ended


@builds("incidents.drill")
def drill() -> models.Model:
    """One that nobody began: paging's are begun when they are made."""
    workspace = make.workspace()
    return Drill.objects.create(
        workspace=workspace, kind="game_day", title="A game day", started_by="job:tests"
    )


def _done(row: models.Model, to: str) -> dict[str, Any]:
    return {"ended_at": clock.now()} if to == "done" else {}


NEEDS["incidents.drill"] = _done


@builds("incidents.runbookrun")
def runbook_run() -> models.Model:
    workspace = make.workspace()
    row = books.get(workspace.pk, "beads_db")
    return running.begin(row, actor=make.JOB, workspace=workspace)


def _run_over(row: models.Model, to: str) -> dict[str, Any]:
    return {"ended_at": clock.now()} if to != "running" else {"ended_at": None}


NEEDS["incidents.runbookrun"] = _run_over


@builds("incidents.incidentreview")
def review() -> models.Model:
    room = Watchroom()
    row = moving.resolve(room.quiet("sev2"), actor=make.JOB, reason="It works.")
    return writing.begin_review(row, actor=make.JOB)


def _published(row: models.Model, to: str) -> dict[str, Any]:
    return {"published_at": clock.now() if to == "published" else None}


NEEDS["incidents.incidentreview"] = _published


@builds("incidents.article")
def article() -> models.Model:
    return articles.create_article(make.workspace(), actor=make.JOB, title="Walk", text="On.")


def _read_by_all(row: models.Model, to: str) -> dict[str, Any]:
    return {"published_at": clock.now()} if to == "published" else {}


NEEDS["incidents.article"] = _read_by_all
