"""Answers that come without a sign-in, carried out as the person who was asked, or as somebody of
the contact book who has no account."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from controlplane.access.models import Grant, User
from controlplane.access.principals import actor_for_user
from controlplane.audit.services import record
from controlplane.lib import clock, marked
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound
from controlplane.notify import answers
from controlplane.notify.models import AnswerLink, Contact

ACTION = "notify.answer"
_READ = ("workspace", "person", "contact", "notification")


def link_by_token(verb: str, token: str) -> AnswerLink:
    """Whom a link is for, over or not. One that we did not make, or for another verb, is
    nothing, and so is one of somebody who has left."""
    uid = marked.uid_of(answers.purpose(verb), token) if verb in answers.VERBS else None
    rows = AnswerLink.objects.select_related(*_READ)
    link: AnswerLink | None = rows.filter(uid=uid).first() if uid is not None else None
    if link is None or verb not in link.verbs or not works_there(link):
        raise NotFound("There is nothing here.")
    return link


def works_there(link: AnswerLink) -> bool:
    """Whoever was asked still is who may answer."""
    if link.contact is not None:
        contact = link.contact
        return bool(contact.is_active and contact.workspace_id == link.workspace_id)
    if link.person_id is None:
        return False
    held = Grant.objects.held().of_active_people()
    return held.filter(
        membership__workspace_id=link.workspace_id, membership__user_id=link.person_id
    ).exists()


def why_over(link: AnswerLink, verb: str) -> str:
    """Why it does nothing any more, or ""."""
    if link.revoked_at is not None:
        return link.why or "This is over."
    if link.expires_at <= clock.now():
        return "This link has expired."
    over = answers.VERBS[verb].over
    return over(link) if over is not None else ""


@transaction.atomic
def perform(link: AnswerLink, verb: str, *, by: str) -> str:
    """Do it, once at a time, and say what was done. `by`: link, sms or voice."""
    rows = AnswerLink.objects.select_for_update(of=("self",)).select_related(*_READ)
    held: AnswerLink = rows.get(pk=link.pk)
    if verb not in held.verbs or verb not in answers.VERBS or not works_there(held):
        raise NotFound("There is nothing here.")
    over = why_over(held, verb)
    if over:
        raise Conflict(over)
    actor = _answering(held, verb)
    said = answers.VERBS[verb].act(held, actor)
    AnswerLink.objects.filter(pk=held.pk).update(used_at=clock.now(), used_verb=verb, used_by=by)
    record(
        actor,
        ACTION,
        held.notification,
        after={"answer": verb, "by": by, "about": held.subject},
        reason=f"answered by {by}",
    )
    if held.contact_id is not None:  # what stands in the book of them leads to somebody
        Contact.objects.filter(pk=held.contact_id).update(verified_at=clock.now())
    return said


def _answering(link: AnswerLink, verb: str) -> Actor:
    if link.person is not None:
        return acting(link.person, link.workspace_id)
    if link.contact is None or not answers.VERBS[verb].leave:
        raise NotFound("There is nothing here.")
    return as_contact(link.contact, answers.VERBS[verb].leave)


def as_contact(contact: Contact, leave: Sequence[str]) -> Actor:
    """Somebody of the contact book, with leave for what they were asked and nothing else: they
    hold no role and see nothing."""
    return Actor(
        kind="contact",
        ref=f"contact:{contact.pk}",
        label=contact.name,
        roles={contact.workspace_id: frozenset()},
        scopes=frozenset(leave),
        contact_id=contact.pk,
    )


def acting(person: User, workspace_id: int) -> Actor:
    """The person, in this one workspace: what came by a link or a text message proves no more
    than that."""
    actor = actor_for_user(person)
    return Actor(
        kind="person",
        ref=actor.ref,
        label=actor.label,
        roles={workspace_id: actor.roles_in(workspace_id)},
        user_id=actor.user_id,
    )


@transaction.atomic
def revoke_answers(subject: str, *, workspace_id: int, why: str = "") -> int:
    """What it was about is over: no link answers it any more."""
    links = AnswerLink.objects.filter(subject=subject, workspace_id=workspace_id, revoked_at=None)
    return links.update(revoked_at=clock.now(), why=why[:120])
