"""The quarterly access review: a list of what everybody holds, decided line by line, signed.

Revoking a line revokes: the role or the key ends in the same transaction. Nobody decides about
what they hold themselves (`rules.nobody_reviews_what_they_hold`), so that no signature covers only
its own hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from controlplane.access import numbers, policy
from controlplane.access.models import (
    AccessReview,
    AccessReviewLine,
    ApiKey,
    Grant,
    User,
    UserSession,
    Workspace,
)
from controlplane.access.services.keys import revoke_key
from controlplane.access.services.roles import revoke_role
from controlplane.access.services.saving import invalid
from controlplane.access.step_up import require_recent_factor
from controlplane.audit import services as audit
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet

Decision = AccessReviewLine.Decision


def period_of(at: datetime) -> str:
    return f"{at.year}-Q{(at.month + 2) // 3}"


def this_period() -> str:
    return period_of(clock.now())


@transaction.atomic
def generate_review(
    workspace: Workspace, *, actor: Actor, period: str | None = None
) -> AccessReview:
    """Make this quarter's review; the one that exists when it was made already."""
    policy.require(actor, "access_review.manage", workspace)
    now = clock.now()
    review, made = AccessReview.objects.get_or_create(
        workspace=workspace,
        period=period or this_period(),
        defaults={"due_at": now + timedelta(days=numbers.REVIEW_DUE_DAYS.value)},
    )
    if made:
        lines = [*_role_lines(review), *_key_lines(review)]
        AccessReviewLine.objects.bulk_create(lines)
        audit.record(
            actor,
            "access_review.generate",
            review,
            after={"period": review.period, "lines": len(lines), "due_at": review.due_at},
        )
    return review


def _role_lines(review: AccessReview) -> Iterator[AccessReviewLine]:
    grants = Grant.objects.held().filter(membership__workspace_id=review.workspace_id)
    seen = dict(
        UserSession.objects.filter(user__memberships__workspace_id=review.workspace_id)
        .values("user_id")
        .annotate(last=Max("last_seen_at"))
        .values_list("user_id", "last")
    )
    for grant in grants.select_related("membership__user"):
        person = grant.membership.user
        until = f" until {grant.expires_at:%Y-%m-%d}" if grant.expires_at else ""
        yield AccessReviewLine(
            review=review,
            grant=grant,
            holder_user=person,
            holder=f"{person.name} <{person.email}>"[:200],
            holds=f"{policy.ROLES[grant.role][0]}{until}",
            last_used_at=seen.get(person.pk),
        )


def _key_lines(review: AccessReview) -> Iterator[AccessReviewLine]:
    keys = ApiKey.objects.in_force().filter(workspace_id=review.workspace_id)
    for key in keys.select_related("agent__owner", "user"):
        may = ", ".join(key.scopes) or (key.agent.role if key.agent else "") or "its owner's roles"
        owner = key.user or (key.agent.owner if key.agent else None)
        yield AccessReviewLine(
            review=review,
            api_key=key,
            holder_user=owner,
            holder=str(key.agent or key.user)[:200],
            holds=f"key {key.prefix}: {may}"[:200],
            last_used_at=key.last_used_at,
        )


@transaction.atomic
def decide_line(
    line: AccessReviewLine, *, actor: Actor, decision: str, note: str = ""
) -> AccessReviewLine:
    """Confirm or revoke. A confirmation may still be turned into a revocation before signing;
    a revocation stands, since what it ended is gone."""
    review = AccessReview.objects.select_for_update().get(pk=line.review_id)
    line = AccessReviewLine.objects.select_related("grant__membership__user", "api_key").get(
        pk=line.pk
    )
    policy.require(actor, "access_review.manage", line)
    _require_open(review)
    if decision not in {Decision.CONFIRMED, Decision.REVOKED}:
        raise invalid("decision", "Confirm or revoke.")
    if line.decision == decision:
        return line
    if line.decision == Decision.REVOKED:
        raise Conflict("This line is revoked already: grant the role anew instead.")
    if not AccessReviewLine.objects.in_force().filter(pk=line.pk).exists():
        raise Conflict("This has ended since the review was made: nothing is left to decide.")
    if decision == Decision.REVOKED:
        _revoke(line, actor)
    before = line.decision
    line.decision = decision
    line.decided_by = User.objects.filter(pk=actor.user_id).first()
    line.decided_at = clock.now()
    line.note = note[:300]
    line.save(update_fields=["decision", "decided_by", "decided_at", "note"])
    AccessReview.objects.filter(pk=review.pk).update(version=review.version + 1)
    audit.record(
        actor,
        "access_review.decide",
        line,
        before={"decision": before},
        after={"holder": line.holder, "holds": line.holds, "decision": line.decision},
        reason=note,
    )
    return line


def _revoke(line: AccessReviewLine, actor: Actor) -> None:
    reason = f"access review {line.review.period}"
    if line.grant is not None:
        revoke_role(line.grant, actor=actor, reason=reason)
    if line.api_key is not None:
        revoke_key(line.api_key, actor=actor, reason=reason)


@transaction.atomic
def sign_review(
    review: AccessReview, *, actor: Actor, version: int, statement: str
) -> AccessReview:
    """Sign what was read: a decision made after `version` was shown refuses the signature."""
    policy.require(actor, "access_review.sign", review)
    require_recent_factor(actor)
    review = AccessReview.objects.select_for_update(of=("self",)).get(pk=review.pk)
    _require_open(review)
    if review.version != version:
        raise Conflict("The review has changed since you read it. Read it again, then sign.")
    if not statement.strip():
        raise invalid("statement", "Say what you sign.")
    undecided = list(review.lines.undecided().values_list("holder", "holds"))
    if undecided:
        raise GateNotMet(
            f"{len(undecided)} lines are not decided yet.",
            details={"conditions": [f"{holder}: {holds}" for holder, holds in undecided]},
        )
    review.status = AccessReview.Status.SIGNED
    review.signed_at = clock.now()
    review.signed_by = User.objects.filter(pk=actor.user_id).first()
    review.statement = statement.strip()
    review.version += 1
    review.save()
    audit.record(
        actor,
        "access_review.sign",
        review,
        before={"status": "open"},
        after={"status": "signed", "statement": review.statement, **_tally(review)},
    )
    return review


def _tally(review: AccessReview) -> dict[str, int]:
    """What was decided, and what had ended before anybody decided it."""
    lines = review.lines
    return {
        "confirmed": lines.filter(decision=Decision.CONFIRMED).count(),
        "revoked": lines.filter(decision=Decision.REVOKED).count(),
        "ended": lines.filter(decision=Decision.PENDING).count(),
    }


def _require_open(review: AccessReview) -> None:
    if review.status != AccessReview.Status.OPEN:
        raise Conflict("This review is signed.")
