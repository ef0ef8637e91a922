"""What the pages and cards of a mission's end show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from controlplane.access.policy import can
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from missions import links, numbers_learning, stages
from missions.learning.figures import feedback_of
from missions.models import Feedback, FollowUp, Mission, Retrospective
from missions.services import feedback as answers
from missions.services.holding import open_visit
from missions.shown.sections import section

LIBRARY = "/admin/missions/asset/"
TRAINING = "/admin/missions/trainingitem/"
MOST = 50
_TONES = {"given": "good", "asked": "info", "declined": "neutral"}


def said_before(mine: Feedback | None) -> dict[str, Any]:
    if mine is None:
        return {}
    return {
        "rating": mine.rating,
        "satisfaction": mine.satisfaction,
        "hours": mine.effort_saved_hours,
        "blockers": mine.blockers,
        "text": mine.text,
        "version": mine.version,
    }


def answers_of(mission: Mission) -> dict[str, Any]:
    rows = mission.feedback.select_related("person").order_by("-answered_at", "-pk")
    return {
        "answers": [(row, _TONES[row.status]) for row in rows[:MOST]],
        "told": feedback_facts(feedback_of(mission)),
    }


def hours(minutes: int | None) -> str:
    return "–" if minutes is None else f"{minutes / 60:,.1f} h"


def _of_five(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} of 5"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:g} %"


def feedback_facts(figures: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Asked", str(figures["asked"])),
        ("Answered", str(figures["given"])),
        ("Declined", str(figures["declined"])),
        ("Rating", _of_five(figures["rating"])),
        ("Satisfaction", _of_five(figures["satisfaction"])),
        ("Effort saved", hours(figures["effort_saved_minutes"])),
    ]


# --- The retrospective --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stands:
    open: bool
    refusal: str


def standing_of(mission: Mission, found: Retrospective | None) -> Stands:
    """Whether it is written now, and if not why."""
    visit = open_visit(mission) if mission.is_under_way else None
    if visit is not None and visit.stage == stages.LAST:
        return Stands(True, "")
    if found is not None and found.visit.left_at is not None:
        return Stands(False, f"It was left on {found.visit.left_at:%Y-%m-%d} and stays as it is.")
    return Stands(False, f"It is written in {stages.get(stages.LAST).label}.")


def written_before(found: Retrospective | None, is_open: bool) -> dict[str, Any]:
    """What the form begins with: the retrospective of this visit, none of an earlier."""
    if found is None or not found.visit.is_open or not is_open:
        return {"version": 0}
    names = ("summary", "went_well", "to_improve", "kpi_actual", "kpi_note", "version")
    given = {name: getattr(found, name) for name in names}
    if found.kpi_actual is not None:
        given["kpi_actual"] = f"{found.kpi_actual.normalize():f}"
    return given


def classified_before(found: Retrospective | None) -> dict[str, Any]:
    if found is not None and found.visit.is_open and found.reuse:
        return {"reuse": found.reuse, "reason": found.reuse_reason}
    return {}


def retrospective(mission: Mission, found: Retrospective | None) -> dict[str, Any]:
    figures = found.figures if found is not None else {}
    follows = []
    if found is not None:
        rows = found.followups.standing().select_related("owner", "item").order_by("due_on")
        follows = [(row, links.item_page(row.item) if row.item else "") for row in rows[:MOST]]
    return {
        "found": found,
        "groups": groups(figures),
        "trend": trend(figures.get("trend") or {}),
        "follows": follows,
        "training": list(mission.training.order_by("pk")[:MOST]),
        "suggested": suggested(figures),
        "feedback_url": links.feedback_of(mission),
        "library_url": links.library_of(mission),
    }


def groups(figures: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The figures by what they are about, as words."""
    if not figures:
        return []
    done, kept = figures["impact"], figures["safeguards"]
    return [
        ("Feedback", feedback_facts(figures["feedback"])),
        (
            "Impact",
            [
                ("Actions", f"{done['actions']:,}"),
                ("Of them failed", f"{done['failed']:,}"),
                ("Changes made", f"{done['changes']:,}"),
                ("Done by agents", _percent(done["automated_percent"])),
                ("Taken back", str(done["undone"])),
                ("Times sent back", str(done["sent_back"])),
            ],
        ),
        (
            "Safeguards",
            [
                ("Compliance", _percent(kept["compliance_percent"])),
                ("Looks", f"{kept['looked']:,}"),
                ("Fixed at once", str(kept["fixed"])),
                ("Failed", str(kept["failed"])),
                ("Violations", str(kept["violations"])),
                ("Let pass", str(kept["let_pass"])),
            ],
        ),
    ]


def trend(figures: dict[str, Any]) -> dict[str, Any] | None:
    """The last missions of its type, in words."""
    number = figures.get("missions", 0)
    if not number:
        return None
    days = figures.get("days")
    return {
        "type": figures["type"],
        "missions": number,
        "facts": [
            ("Rating", _of_five(figures["rating"])),
            ("With feedback", f"{figures['with_feedback']} of {number}"),
            ("Effort saved", hours(figures["effort_saved_minutes"])),
            ("With a violation", f"{figures['violated']} of {number}"),
            ("To use again", f"{figures['reusable']} of {number}"),
            ("Took", "–" if days is None else f"{days:g} days"),
        ],
    }


def suggested(figures: dict[str, Any]) -> bool:
    """People rated it so well that others may want it."""
    rating = (figures.get("feedback") or {}).get("rating")
    return rating is not None and rating >= numbers_learning.SUGGEST_RATING.value


def asset_url(mission: Mission, actor: Actor) -> str:
    if not can(actor, "library.write", mission):
        return ""
    return f"{reverse('admin:missions_asset_add')}?{urlencode({'mission': mission.ref})}"


# --- The library --------------------------------------------------------------------------------


def library(mission: Mission) -> dict[str, Any]:
    uses = kept.of(
        mission,
        "asset_uses",
        lambda rows: rows.select_related("asset", "used").order_by("pk")[:MOST],
    )
    made = kept.of(
        mission, "assets", lambda rows: rows.defer("text", "search").order_by("pk")[:MOST]
    )
    return {
        "uses": [(row, links.asset_page(row.asset)) for row in uses],
        "made": [(row, links.asset_page(row)) for row in made],
    }


# --- Cards of the mission's page ----------------------------------------------------------------


def feedback_card(mission: Mission, actor: Actor) -> dict[str, Any] | None:
    if answers.may_answer(mission) and not mission.closed_at:
        return None
    rows = kept.of(
        mission,
        "feedback",
        lambda rows: rows.select_related("person").order_by("-answered_at", "-pk")[:20],
    )
    given = [row for row in rows if row.status == "given"]
    waits = [row for row in rows if row.status == "asked"]
    mine = any(row.person_id == actor.user_id for row in waits)
    acts = []
    if mine and not answers.may_answer(mission):
        acts.append({"text": "Say how it went", "url": links.feedback_of(mission)})
    return {
        "badge": (f"{len(given)} given", "good") if given
        else (f"{len(waits)} asked", "info") if waits else "",
        "lines": [
            {"text": row.person.name or row.person.email, "state": row.get_status_display(),
             "tone": _TONES[row.status], "at": row.answered_at or row.asked_at,
             "note": f"{row.rating} of 5" if row.rating else row.declined_reason}
            for row in rows[:5]
        ],
        "empty": "Nobody was asked yet.",
        "acts": acts,
    }  # fmt: skip


def retrospective_card(mission: Mission, actor: Actor) -> dict[str, Any] | None:
    rows = kept.ask(
        lambda mission: Retrospective.objects.filter(visit__mission=mission).order_by("-visit_id")[
            :1
        ],
        mission.pk,
    )
    found: Retrospective | None = next(iter(rows), None)
    if found is None and mission.stage != stages.LAST:
        return None
    facts = []
    if found is not None:
        follows = kept.count(
            lambda found: FollowUp.objects.standing().filter(retrospective=found), found.pk
        )
        facts = [
            ("To use again", found.get_reuse_display()),
            ("To learn", "Looked at" if found.training_at else "Not looked at yet"),
            ("Follow-ups", str(follows)),
        ]
    written = found is not None and found.written_at is not None
    return {
        "badge": ("Written", "good") if written else ("Not written", "warn"),
        "about": found.summary[:300] if found is not None and written else "",
        "facts": facts,
        "empty": "What came of it, what can be used again, what follows.",
    }


def library_card(mission: Mission, actor: Actor) -> dict[str, Any] | None:
    shown = library(mission)
    if not shown["uses"] and not shown["made"] and mission.stage not in _LIBRARY_STAGES:
        return None
    lines = [
        {"text": row.asset.title, "url": url, "note": f"planned from version {row.used.number}",
         "at": row.at}
        for row, url in shown["uses"][:5]
    ] + [
        {"text": row.title, "url": url, "note": "made of it", "state": row.get_status_display()}
        for row, url in shown["made"][:5]
    ]  # fmt: skip
    number = len(shown["uses"]) + len(shown["made"])
    return {"badge": str(number) if number else "", "lines": lines,
            "empty": "Not planned from the library, and nothing was made of it."}  # fmt: skip


_LIBRARY_STAGES = ("plan_approve", stages.LAST)


def register() -> None:
    section("feedback", "Feedback", stages=(stages.LAST,), order=80, read=feedback_card,
            url=links.feedback_of)  # fmt: skip
    section("retrospective", "Retrospective", stages=(stages.LAST,), order=90,
            read=retrospective_card, url=links.retrospective_of)  # fmt: skip
    section("library", "Library", stages=_LIBRARY_STAGES, order=95, read=library_card,
            url=links.library_of)  # fmt: skip
