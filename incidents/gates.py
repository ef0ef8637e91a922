"""What stands in the way of an incident's next step, in sentences."""

from __future__ import annotations

from typing import Any

GRAVE = ("sev1", "sev2")


def triaged(incident: Any) -> list[str]:
    missing = []
    if incident.impact_percent is None:
        missing.append("Say what share of users it touches.")
    if not incident.symptoms:
        missing.append("Say what is seen of it.")
    if incident.started_at is None:
        missing.append("Say since when.")
    return missing


def nothing_fires(incident: Any) -> list[str]:
    """Somebody may resolve it over an alert that fires only by saying that this is over, too."""
    firing = incident.alerts.filter(status="firing").count()
    if not firing:
        return []
    if firing == 1:
        return ["1 alert fires still: say that it is over, or move it to another incident."]
    return [f"{firing} alerts fire still: say that they are over, or move them to another one."]


def works_again(incident: Any) -> list[str]:
    """What is over: nothing fires, and somebody looked."""
    from incidents.response import checks

    return [*nothing_fires(incident), *checks.in_the_way(incident)]


def describable(incident: Any) -> list[str]:
    if incident.severity in GRAVE:
        return ["What is this grave is reviewed before it is closed."]
    return _explained(incident)


def reviewed(incident: Any) -> list[str]:
    """It waits for its review: that is published before it is closed, and says how it ended."""
    return [*_explained(incident), *unreviewed(incident)]


def unreviewed(incident: Any) -> list[str]:
    """What of its review is still to come."""
    review = getattr(incident, "review", None)
    if review is None or review.status != "published":
        return ["Publish its review first."]
    if not review.is_after(incident.resolved_at):
        return [
            "Its review was published before it was opened again: write on, and publish it anew."
        ]
    return []


def told(review: Any) -> list[str]:
    """What a review says before others read it."""
    missing = _explained(review.incident)
    if not any(why["answer"] for why in review.whys):
        missing.append("Ask why at least once, and answer it.")
    for name, sentence in (
        ("went_well", "Say what went well."),
        ("to_improve", "Say what is to be better."),
        ("documents", "Say what was changed in the documentation, or why nothing."),
    ):
        if not getattr(review, name) and not (name == "documents" and review.documents_item_id):
            missing.append(sentence)
    return [*missing, *_assigned(review)]


def _assigned(review: Any) -> list[str]:
    actions = list(review.actions.standing().order_by("pk"))
    if not actions and not review.no_actions:
        return ["Say what is to be done, or why nothing."]
    return [
        f"{action.title}: name its owner and its day."
        for action in actions
        if action.owner_id is None or action.due_on is None
    ]


def _explained(incident: Any) -> list[str]:
    return [] if incident.root_cause else ["Say what caused it."]
