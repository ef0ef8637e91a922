"""Answers to the gates of Reflect & Improve, and what people sign there."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import Grant
from controlplane.lib import kept
from missions import links, reads, stages
from missions.gates import registry
from missions.gates.kinds import Found, failed, passed, waiting
from missions.gates.looking import Look
from missions.gates.registry import provide
from missions.models import FollowUp, Retrospective, StageVisit
from missions.services.retrospectives import of_visit


def _written(look: Look) -> Retrospective | None:
    """Of the visit the mission is in."""
    if look.visit is None or look.visit.stage != stages.LAST:
        return None
    visit = look.visit
    return reads.once(look.mission, ("retrospective", visit.pk), lambda: of_visit(visit))


def _page(look: Look) -> tuple[str, str]:
    return ("Retrospective", links.retrospective_of(look.mission))


@provide("feedback_given")
def feedback_given(look: Look) -> Found:
    """One answer is enough; without any, everybody who was asked says why not."""
    page = ("Feedback", links.feedback_of(look.mission))
    states = kept.of(
        look.mission, "feedback", lambda rows: rows.order_by().values_list("status", flat=True)
    )
    given, declined = states.count("given"), states.count("declined")
    open_ = len(states) - given - declined
    if given:
        more = f", {open_} asked" if open_ else ""
        return passed(f"{given} said how it went{more}.", page)
    if open_:
        people = "1 person was" if open_ == 1 else f"{open_} people were"
        return waiting(
            f"{people} asked; nobody answered yet.",
            page,
            mend="They give it, or decline and say why",
        )
    if declined:
        return passed(f"{declined} declined and said why.", page)
    return failed("Nobody was asked.", page)


@provide("retrospective_written")
def retrospective_written(look: Look) -> Found:
    found = _written(look)
    if found is None or found.written_at is None:
        return failed("Nobody wrote a summary.", _page(look))
    return passed(f"Written on {found.written_at:%Y-%m-%d}.", _page(look))


@provide("reuse_classified")
def reuse_classified(look: Look) -> Found:
    found = _written(look)
    if found is None or not found.reuse:
        return failed("Nobody said.", _page(look))
    return passed(f"{found.get_reuse_display()}: {found.reuse_reason}", _page(look))


@provide("training_updated")
def training_updated(look: Look) -> Found:
    found = _written(look)
    if found is None or found.training_at is None:
        return failed("The curator has not looked at it.", _page(look))
    number = len(kept.of(look.mission, "training", lambda rows: rows.order_by().values_list("pk")))
    items = f"{number} item{'' if number == 1 else 's'} in the backlog."
    return passed(found.training_note or items, _page(look))


@provide("followups_owned")
def followups_owned(look: Look) -> Found:
    """Made with an owner and a day; an owner may have left since, an item may be gone."""
    found = _written(look)
    rows = _followups(found) if found is not None else []
    if not rows:
        return passed("Nothing is to follow.", _page(look))
    owners = {row.owner_id for row in rows}
    held = (
        Grant.objects.held()
        .of_active_people()
        .filter(membership__workspace_id=look.mission.workspace_id, membership__user__in=owners)
    )
    here = set(held.values_list("membership__user_id", flat=True))
    loose = [row.title for row in rows if row.owner_id not in here]
    gone = [row.title for row in rows if row.item_id is None]
    if loose:
        return failed(
            f"The owner does not work here any more: {'; '.join(loose[:5])}.", _page(look)
        )
    if gone:
        return failed(f"The work item is gone: {'; '.join(gone[:5])}.", _page(look))
    return passed(f"{len(rows)} with owner and date.", _page(look))


def _followups(found: Retrospective) -> list[FollowUp]:
    return kept.of(
        found,
        "followups",
        lambda rows: rows.standing().select_related("item", "owner").order_by("pk"),
    )


# --- What is signed -----------------------------------------------------------------------------


def signed_of(visit: StageVisit) -> dict[str, Any] | None:
    """The words and figures of the retrospective; feedback that comes later changes its own page,
    not what people were shown."""
    found = of_visit(visit)
    if found is None:
        return None
    actual = found.kpi_actual
    return {
        "summary": found.summary,
        "went_well": found.went_well,
        "to_improve": found.to_improve,
        "kpi_actual": f"{actual.normalize():f}" if actual is not None else None,
        "kpi_note": found.kpi_note,
        "figures": found.figures,
        "figures_of": found.figures_at.isoformat() if found.figures_at else None,
        "reuse": {
            "classified": found.get_reuse_display(),
            "because": found.reuse_reason,
            "by": found.reuse_by,
        },
        "training": {
            "note": found.training_note,
            "items": list(
                visit.mission.training.order_by("pk").values_list("title", flat=True)[:50]
            ),
        },
        "follows": [
            {
                "title": row.title,
                "owner": f"user:{row.owner_id}",
                "due_on": row.due_on.isoformat(),
                "item": row.item.key if row.item is not None else "",
            }
            for row in _followups(found)
        ],
        "library": _library(visit),
    }


def _library(visit: StageVisit) -> list[dict[str, Any]]:
    """What was published from it, and what it was planned from."""
    made = visit.mission.assets.exclude(number=0).order_by("pk")
    used = visit.mission.asset_uses.select_related("asset", "used").order_by("pk")
    return [{"title": row.title, "version": row.number, "made_here": True} for row in made[:50]] + [
        {"title": row.asset.title, "version": row.used.number, "made_here": False}
        for row in used[:50]
    ]


def makers_of(visit: StageVisit) -> list[str]:
    """Who wrote the summary. Classifying and training are the curator's part, as ticks are."""
    found = of_visit(visit)
    return list(found.authors) if found is not None else []


registry.sign("retrospective", stages=(stages.LAST,), read=signed_of, made_by=makers_of)
registry.COUNTS.setdefault("feedback", lambda mission: mission.feedback.given().count())
