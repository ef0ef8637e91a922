"""What a review may confirm at once: lines that are just as the last signed review left them.

The same holder, the same role or key, with the same words for what it reaches and until when.
Reading two hundred such lines one by one hides the five that are new; those stay to be read.
Each line still gets its own decision and its own audit row, and nobody confirms what is their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from controlplane.access import numbers, policy
from controlplane.access.models import AccessReview, AccessReviewLine, User
from controlplane.audit import services as audit
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict

Decision = AccessReviewLine.Decision
_SAME = ("grant_id", "api_key_id", "holder_user_id", "holds")


@dataclass(frozen=True, slots=True)
class Confirmed:
    done: int
    own: int  # left for somebody else: they are about the person who pressed
    left: int  # beyond what one press does


def last_signed(review: AccessReview) -> AccessReview | None:
    """What nobody signed proves nothing."""
    before = AccessReview.objects.filter(
        workspace_id=review.workspace_id,
        created_at__lt=review.created_at,
        status=AccessReview.Status.SIGNED,
    )
    return before.order_by("-created_at").first()


def unchanged_lines(review: AccessReview) -> set[int]:
    """Keys of the undecided lines that the last signed review confirmed as they are."""
    before = last_signed(review)
    if before is None:
        return set()
    kept = set(before.lines.filter(decision=Decision.CONFIRMED).values_list(*_SAME))
    found = review.lines.undecided().values_list("pk", *_SAME)
    # What is gone has no number any more: two of those are not the same thing.
    return {pk for pk, *line in found if any(line[:2]) and tuple(line) in kept}


@transaction.atomic
def confirm_unchanged(review: AccessReview, *, actor: Actor) -> Confirmed:
    """Confirm them, each with its own audit row."""
    policy.require(actor, "access_review.manage", review)
    review = AccessReview.objects.select_for_update().get(pk=review.pk)
    if review.status != AccessReview.Status.OPEN:
        raise Conflict("This review is signed.")
    before = last_signed(review)
    if before is None:
        raise Conflict("There is no signed review before this one to compare with.")
    note = f"unchanged since {before.period}"
    lines = review.lines.filter(pk__in=unchanged_lines(review)).order_by("pk")
    lines = lines.select_related("review", "grant__membership", "api_key__agent")
    mine, others = 0, []
    for line in lines:
        if policy.can(actor, "access_review.manage", line):
            others.append(line)
        else:
            mine += 1
    chosen = others[: numbers.REVIEW_AT_ONCE.value]
    _confirm(review, chosen, actor, note)
    return Confirmed(len(chosen), mine, len(others) - len(chosen))


def _confirm(review: AccessReview, lines: list[AccessReviewLine], actor: Actor, note: str) -> None:
    if not lines:
        return
    by, now = User.objects.filter(pk=actor.user_id).first(), clock.now()
    for line in lines:
        line.decision, line.decided_by, line.decided_at = Decision.CONFIRMED, by, now
        line.note = note
    AccessReviewLine.objects.bulk_update(lines, ["decision", "decided_by", "decided_at", "note"])
    AccessReview.objects.filter(pk=review.pk).update(version=review.version + 1)
    for line in lines:
        audit.record(
            actor,
            "access_review.decide",
            line,
            before={"decision": ""},
            after={"holder": line.holder, "holds": line.holds, "decision": line.decision},
            reason=note,
        )
