"""Who agreed to which version, and who took it back."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy as access
from controlplane.access.models import Membership, User
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotAllowed, NotFound
from controlplane.privacy.models import Consent, PrivacyPolicy


@transaction.atomic
def answer_policy(policy: PrivacyPolicy, agree: bool, *, actor: Actor, door: str) -> Consent:
    """One's own word. Agreeing again changes nothing; declining what one agreed to takes it
    back."""
    if actor.user_id is None:
        raise NotAllowed("Consent is given by people, each for themselves.")
    if not _is_member(policy, actor.user_id):
        raise NotFound("There is no such policy.")
    return _say(policy, actor.user_id, agree, actor=actor, door=door)


@transaction.atomic
def record_consent(
    policy: PrivacyPolicy, user: User, *, actor: Actor, evidence: str, agree: bool = True
) -> Consent:
    """What somebody said on paper: the officer names what they hold."""
    access.require(actor, "privacy.record", policy)
    evidence = evidence.strip()[:300]
    if not evidence:
        raise Invalid("Say what shows it.", details={"evidence": ["A letter, a form, a mail."]})
    if not _is_member(policy, user.pk):
        raise NotFound("Not a member of this workspace.")
    return _say(policy, user.pk, agree, actor=actor, door=Consent.Door.OFFICER, evidence=evidence)


@transaction.atomic
def withdraw_consent(consent: Consent, *, actor: Actor) -> Consent:
    """As easily as it was given: by oneself, without a reason."""
    if actor.user_id != consent.user_id:
        access.require(actor, "privacy.record", consent)
    return _say(consent.policy, consent.user_id, False, actor=actor, door=consent.door)


def _is_member(policy: PrivacyPolicy, user_id: int) -> bool:
    mine = Membership.objects.current().filter(user_id=user_id, workspace=policy.workspace_id)
    return mine.exists()


def _say(
    policy: PrivacyPolicy, user_id: int, agree: bool, *, actor: Actor, door: str, evidence: str = ""
) -> Consent:
    if not policy.asks_consent:
        raise Conflict("This version asks for nobody's consent.")
    now, wanted = clock.now(), Consent.Answer.GIVEN if agree else Consent.Answer.DECLINED
    row, made = Consent.objects.select_for_update().get_or_create(
        policy=policy,
        user_id=user_id,
        defaults={"answer": wanted, "said_at": now, "door": door, "evidence": evidence},
    )
    before = None if made else row.answer
    if not made:
        if before == Consent.Answer.GIVEN and not agree:
            row.answer, row.withdrawn_at = Consent.Answer.WITHDRAWN, now
        elif agree and before != Consent.Answer.GIVEN:
            row.answer, row.said_at, row.withdrawn_at = Consent.Answer.GIVEN, now, None
            row.door, row.evidence = door, evidence
        else:
            return row
        row.save(update_fields=["answer", "said_at", "withdrawn_at", "door", "evidence"])
    record(
        actor,
        "privacy.consent",
        row,
        before={"answer": before} if before else None,
        after={"answer": str(row.answer), "version": policy.version, "door": str(row.door)},
        reason=evidence,
    )
    return row
