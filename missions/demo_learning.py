"""What the demo learnt: missions of the weeks before with what people said of them, a retrospective
being written, a library that later missions were planned from, a training backlog, and meetings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.base import demo
from controlplane.lib import clock
from missions import services
from missions.learning import times
from missions.models import Asset, Feedback, MeetingSeries, Mission
from missions.services import (
    asset_use,
    cadence,
    feedback,
    followups,
    library,
    retrospectives,
    training,
)

_DONE = (
    ("Sort tickets by what they are about", "support", 3, 5, 240),
    ("Enrich leads of the spring fair", "market_research", 5, 4, 360),
    ("Answer tickets about invoices", "support", 10, 4, 180),
    ("Write to accounts whose card expires", "outreach", 14, 3, 45),
    ("Summarise what customers ask for", "research", 18, 5, 300),
    ("Find duplicates among contacts", "crm", 22, 2, 15),
    ("Remind customers of their renewal", "outreach", 26, 4, 120),
    ("Sort contracts by when they end", "crm", 31, 5, 420),
)
_SAID = {
    5: "It did in a night what took us a week.",
    4: "Good. One or two had to be done again by hand.",
    3: "It helped, but somebody had to read every one of them.",
    2: "Too many were no duplicates; we looked at each.",
}


@demo.step("missions.learnt", order=88)
def learnt(scene: demo.Scene) -> None:
    if Feedback.objects.filter(mission__workspace=scene.workspace).exists():
        return
    done = _history(scene)
    reflecting = _reflecting(scene)
    _library(scene, done, reflecting)
    _training(scene, done[5])
    _meetings(scene)


def _history(scene: demo.Scene) -> list[Mission]:
    """Missions of the system before, with what people said of them when they had ended."""
    now, owner = clock.now(), scene.people["mission_owner"]
    rows = [
        {
            "external_ref": f"legacy-done-{place}",
            "title": title,
            "status": "completed",
            "owner": owner,
            "mission_type": kind,
            "started_at": now - timedelta(days=days + 8),
            "closed_at": now - timedelta(days=days),
            "visits": _way(now, days),
        }
        for place, (title, kind, days, _, _) in enumerate(_DONE)
    ]
    actor = scene.actor("workspace_admin")
    found = [each.mission for each in services.import_missions(scene.workspace, rows, actor=actor)]
    for mission, (_, _, days, rating, minutes) in zip(found, _DONE, strict=True):
        with clock.set_back(timedelta(days=days - 1)):
            feedback.give_feedback(
                mission, actor=scene.actor("mission_owner"), rating=rating,
                satisfaction=max(rating - 1, 2), effort_saved_minutes=minutes, text=_SAID[rating],
            )  # fmt: skip
    return found


def _way(now: Any, days: float) -> list[dict[str, Any]]:
    """Through the stages in eight days."""
    names = ("Mission Brief", "Toolkits & Connect", "Plan", "Governed Execution", "Feedback")
    stays, at, found = (1.0, 2.0, 1.5, 2.5, 1.0), days + 8, []
    for name, stay in zip(names, stays, strict=True):
        found.append(
            {
                "stage": name,
                "entered_at": now - timedelta(days=at),
                "left_at": now - timedelta(days=at - stay),
                "outcome": "completed",
            }
        )
        at -= stay
    return found


def _reflecting(scene: demo.Scene) -> Mission:
    """One whose retrospective is being written."""
    now, owner = clock.now(), scene.people["mission_owner"]
    [found] = services.import_missions(
        scene.workspace,
        [
            {
                "external_ref": "legacy-64",
                "title": "Write to customers whose trial ends",
                "intent": "Say what they can keep, and ask what they miss.",
                "stage": "Feedback",
                "status": "in_progress",
                "owner": owner,
                "mission_type": "outreach",
                "started_at": now - timedelta(days=9),
                "visits": _way(now, 1)[:4],
            }
        ],
        actor=scene.actor("workspace_admin"),
    )
    mission, actor = found.mission, scene.actor("mission_owner")
    asked = [owner, scene.people["operations_command"], scene.people["product_manager"]]
    feedback.ask_feedback(mission, asked, actor=scene.actor("knowledge_curator"))
    feedback.give_feedback(
        mission, actor=scene.actor("product_manager"), rating=5, satisfaction=4,
        effort_saved_minutes=330, text="Three of them wrote back within the hour.",
    )  # fmt: skip
    retrospectives.write_retrospective(
        mission, actor=actor,
        summary="140 mails went out, each read by somebody first. 31 wrote back, 12 stayed.",
        went_well="Nobody was written to twice; the drafts said what people can keep.",
        to_improve="Ask legal about the wording before the drafts, not after.",
    )  # fmt: skip
    retrospectives.classify_reuse(
        mission, "adapt", actor=scene.actor("knowledge_curator"),
        reason="The mails fit everything that ends on a date.",
    )  # fmt: skip
    followups.add_followup(
        mission, actor=actor, title="Ask legal for a wording that stands", owner=owner,
        due_on=(now + timedelta(days=10)).date(),
    )  # fmt: skip
    return mission


def _library(scene: demo.Scene, done: list[Mission], reflecting: Mission) -> None:
    curator, where = scene.actor("knowledge_curator"), scene.workspace
    with clock.set_back(timedelta(days=30)):
        mails = library.create_asset(
            where, actor=curator, title="Mails before something ends", category="template",
            summary="Three mails that say what people keep and ask what they miss.",
            tags=["outreach", "mail"], source=done[6],
            body="First mail, three weeks before: what ends, what stays, whom to ask.\n\n"
            "Second mail, one week before, only to whoever did not answer: one question.\n\n"
            "Third mail, on the day: how to keep everything with one click. Never a discount.",
            playbook={"steps": ["draft", "read by a person", "send", "wait for answers"]},
        )  # fmt: skip
        library.publish_asset(mails, actor=curator)
        sorting = library.create_asset(
            where, actor=curator, title="Sort texts by what they are about", category="playbook",
            summary="From a first sample to a list of themes that people recognise.",
            tags=["support", "research"], source=done[7],
            body="Take a hundred at random. Name themes. Let two people sort twenty each; where "
            "they differ, name the theme anew. Only then sort the rest.",
        )  # fmt: skip
        library.publish_asset(sorting, actor=curator)
    asset_use.use_asset(reflecting, Asset.objects.get(pk=mails.pk), actor=curator,
                      note_="The first and the third.")  # fmt: skip
    rows = Mission.objects.of(where).filter(external_ref__in=["campaign-311", "legacy-37"])
    for row in rows.select_related("workspace", "owner", "item"):
        asset = mails if row.external_ref == "campaign-311" else sorting
        asset_use.use_asset(row, Asset.objects.get(pk=asset.pk), actor=curator)
    library.write_draft(mails, actor=scene.actor("mission_owner"), note="Legal's wording.",
                        body="First mail, three weeks before: in legal's wording.")  # fmt: skip
    library.create_asset(
        where, actor=scene.actor("mission_owner"), title="Which contacts are one person",
        category="checklist", tags=["crm"], source=done[5],
        body="Same mail, or same phone and similar name. Never by name alone.",
    )  # fmt: skip


def _training(scene: demo.Scene, source: Mission) -> None:
    curator, now = scene.actor("knowledge_curator"), clock.now()
    add: Any = training.add_training
    first = add(
        scene.workspace, actor=curator, title="Say when two contacts are one person",
        role="telemetry_analyst", mission=source, owner=scene.people["knowledge_curator"],
        due_on=(now + timedelta(days=14)).date(),
        detail="Half an hour with ten examples from the duplicates that were none.",
    )  # fmt: skip
    training.move_training(first, "in_progress", actor=curator)
    add(scene.workspace, actor=curator, title="Write a KPI that can be measured",
        role="mission_owner", owner=scene.people["mission_owner"],
        due_on=(now - timedelta(days=2)).date())  # fmt: skip
    add(scene.workspace, actor=curator, title="Ask for a scope no wider than needed",
        role="planner")  # fmt: skip


def _meetings(scene: demo.Scene) -> None:
    if MeetingSeries.objects.of(scene.workspace).exists():
        return
    actor = scene.actor("operations_command")
    made = {row.cadence: row for row in cadence.plan_usual(scene.workspace, actor=actor)}
    cadence.plan_meetings(
        scene.workspace, actor=actor, cadence="standup", time_zone="America/New_York"
    )
    for kind, hours, notes, decisions, about in (
        ("ops_sync", 24, "Two missions wait for toolkits; the CRM answers again.",
         "Checkpoints that are late are called out in the stand-up.", ["prepare", "plan_approve"]),
        ("standup", 2, "One mission is paused by a safeguard; GV looks at it this morning.", "",
         ["execute_observe"]),
    ):  # fmt: skip
        # As it was planned: the last one that is over by so many hours.
        planned = times.last_before(made[kind], clock.now() - timedelta(hours=hours))
        with clock.set_back(clock.now() - planned - timedelta(minutes=4)):
            row = cadence.begin_meeting(made[kind], actor=actor)
            if row.closed_at is None:
                cadence.write_notes(
                    row, actor=actor, notes=notes, decisions=decisions, stages=about,
                    attendees="Oscar Chen, Greta Voss, Thea Anand",
                )  # fmt: skip
                if kind == "ops_sync":
                    followups.add_meeting_followup(
                        row, actor=actor, title="Renew the CRM's authorization before it ends",
                        owner=scene.people["operations_command"],
                        due_on=(clock.now() + timedelta(days=4)).date(),
                    )  # fmt: skip
                cadence.close_meeting(row, actor=actor)
