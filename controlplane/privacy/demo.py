"""The demo's part: a policy people agreed to, files of controls, a report of compliance."""

from __future__ import annotations

from datetime import timedelta

from controlplane.access.principals import actor_for_user
from controlplane.audit.review import prepare_review, sign_review
from controlplane.base import demo
from controlplane.lib import actors, clock
from controlplane.privacy import services
from controlplane.privacy.compliance import periods
from controlplane.privacy.models import Consent
from incidents.models import Incident

POLICY = """## What we keep

Your name and address, the roles you hold, when and from where you signed in, what you did in the
portal, and what you wrote in it.

## Why

To know who gave an agent a task, who signed for it, and who may see what. The record of what was
done is kept for a year, since auditors ask for it.

## Your rights

Take your data with you, correct it, have it erased within thirty days, take this consent back:
all of it on your account's page on privacy.
"""


@demo.step("privacy", order=95)
def tell_and_ask(scene: demo.Scene) -> None:
    officer = scene.people.get("privacy_officer") or scene.people["workspace_admin"]
    actor = actor_for_user(officer)
    policy = services.publish_policy(
        scene.workspace, actor=actor, text=POLICY, changes="The first version."
    )
    for number, person in enumerate(dict.fromkeys(scene.people.values())):
        if number % 5 == 4:
            continue  # one in five has not answered yet
        services.answer_policy(
            policy, number % 5 != 3 or number > 5, actor=actor_for_user(person),
            door=Consent.Door.CONSOLE,
        )  # fmt: skip


AUDIT = b"""Dependency audit
Every pinned package was compared with the advisories of the day. None is affected.
"""
PENETRATION = b"""Penetration test, summary
Scope: the console, the API, the desk. Two findings of low weight, both put right and tried again.
"""


@demo.step("compliance", order=99)
def comply(scene: demo.Scene) -> None:
    """What only people can show of this quarter and year, a control that does not apply, and the
    report an auditor was given."""
    quarter, year = (
        periods.at(cadence, clock.now(), scene.workspace).name
        for cadence in (periods.QUARTERLY, periods.YEARLY)
    )
    first = scene.people["workspace_admin"]
    officer = actor_for_user(scene.people.get("compliance", first))
    for control, period, name, content, title, note in (
        ("dependencies", quarter, "dependency-audit.txt", AUDIT, "Dependency audit",
         "Of all pinned packages."),
        ("penetration-test", year, "penetration-test.txt", PENETRATION,
         "Summary of the penetration test", "The whole report is with the security lead."),
    ):  # fmt: skip
        services.add_evidence(
            scene.workspace, actor=officer, control=control, period=period, filename=name,
            content=content, title=title, note=note,
        )  # fmt: skip
    services.say_scope(
        scene.workspace, actor=officer, control="storage-versions", period=quarter, applies=False,
        reason="Files stand on a disk that is backed up whole; there is no bucket with versions.",
    )  # fmt: skip
    services.make_report(scene.workspace, actor=officer, period=quarter)


@demo.step("audit reviews", order=99)
def read_the_log(scene: demo.Scene) -> None:
    """Two weeks of the log laid out to be read: one signed, and last week's, which waits. Both lie
    before the workspace: the log's times are the database's, and nobody writes its past."""
    job, today = actors.job("audit.prepare_reviews"), clock.now().date()
    read = prepare_review(job, scene.workspace.pk, day=today - timedelta(days=7))
    prepare_review(job, scene.workspace.pk, day=today)
    sign_review(
        scene.actor("security_lead"), read,
        statement="Read whole. The workspace was not in use yet: nothing was refused, no key made.",
    )  # fmt: skip


@demo.step("legal holds", order=101)
def keep(scene: demo.Scene) -> None:
    """One that stands on what a customer disputes, one that was lifted."""
    actor = scene.actor("governance_validator")
    disputed = Incident.objects.filter(workspace=scene.workspace).order_by("pk").first()
    if disputed is not None:
        services.place_hold(
            scene.workspace, actor=actor, kind="record", ref=disputed.ref,
            reason="Matter 26-014: a customer disputes what the outage cost them.",
        )  # fmt: skip
    with clock.set_back(timedelta(days=9)):
        over = services.place_hold(
            scene.workspace, actor=actor, kind="class", slug="notify.notifications",
            reason="The insurer asks who was told of the outage, and when.",
        )  # fmt: skip
    with clock.set_back(timedelta(days=2)):
        services.lift_hold(over, actor=actor, reason="The insurer has what it asked for.")
