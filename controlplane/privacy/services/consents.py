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
    door = Consent.Door.CONSOLE if actor.user_id == consent.user_id else consent.door
    return _say(
        consent.policy, consent.user_id, False, actor=actor, door=door, evidence=consent.evidence
    )


def _is_member(policy: PrivacyPolicy, user_id: int) -> bool:
    mine = Membership.objects.current().filter(user_id=user_id, workspace=policy.workspace_id)
    return mine.exists()


def _say(
    policy: PrivacyPolicy, user_id: int, agree: bool, *, actor: Actor, door: str, evidence: str = ""
) -> Consent:
    if not policy.asks_consent:
        raise Conflict("This version asks for nobody's consent.")
    now = clock.now()
    # Two words of one person at the same moment: one after the other.
    User.objects.select_for_update(no_key=True).get(pk=user_id)
    before = Consent.objects.filter(policy=policy, user_id=user_id, replaced_at=None).first()
    wanted = Consent.Answer.GIVEN if agree else Consent.Answer.DECLINED
    if before is not None:
        if (before.answer == Consent.Answer.GIVEN) == agree:
            return before
        if not agree:
            wanted = Consent.Answer.WITHDRAWN
        before.replaced_at = now
        before.save(update_fields=["replaced_at"])
    row = Consent.objects.create(
        policy=policy, user_id=user_id, answer=wanted, said_at=now, door=door, evidence=evidence
    )
    record(
        actor,
        "privacy.consent",
        row,
        before={"answer": str(before.answer)} if before else None,
        after={"answer": str(row.answer), "version": policy.version, "door": str(row.door)},
        reason=evidence,
    )
    return row
