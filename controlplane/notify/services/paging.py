"""Call one person by ways of their own."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db import transaction

from controlplane.access.models import Grant, User
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from controlplane.notify import answers, undelivered
from controlplane.notify.answers import Respond
from controlplane.notify.models import (
    AnswerLink,
    ContactMethod,
    Delivery,
    InboxItem,
    Notification,
    QuietHours,
    Step,
    Urgency,
)
from controlplane.notify.services import methods as ways
from controlplane.notify.services.news import put_into_inbox, queue, quiet_end, write


@transaction.atomic
def page(
    person: User,
    *,
    workspace_id: int,
    kind: str,
    key: str,
    methods: Sequence[ContactMethod] | None = None,
    subject: str = "",
    body: str = "",
    values: Mapping[str, object] | None = None,
    urgency: str = Urgency.CRITICAL,
    link: str = "",
    about: str = "",
    thread: str = "",
    step: str = Step.NEWS,
    respond: Respond | None = None,
    inbox: bool = True,
) -> Notification:
    """Tell one person, by the ways named or by every proven one. What is critical asks neither
    quiet hours nor wishes.

    The same key again adds the ways that were not named yet, and changes nothing else: so a page
    falls over to the next way and stays one piece of news. A way that can't be used stands among
    its deliveries as rejected, with the reason; the caller sees to it that another is tried."""
    notification, _ = write(
        workspace_id=workspace_id,
        kind=kind,
        key=key,
        values=values,
        subject=subject,
        body=body,
        urgency=urgency,
        link=link,
        about=about,
        thread=thread,
        step=step,
        note="" if _works_there(person, workspace_id) else "This person does not work here.",
    )
    if respond is not None:
        _leave_to_answer(notification, person, respond)
    chosen = ways.usable(person) if methods is None else list(methods)
    if any(way.user_id != person.pk for way in chosen):
        raise Invalid("A way of somebody else.", details={"methods": "Only the person's own."})
    if not notification.note:
        _address(notification, person, chosen, inbox=inbox)
    if not notification.deliveries.filter(state=Delivery.State.WAITING).exists():
        undelivered.look(notification)
    return notification


def _works_there(person: User, workspace_id: int) -> bool:
    held = Grant.objects.held().filter(membership__workspace_id=workspace_id)
    return person.is_active and held.filter(membership__user=person).exists()


def _address(
    notification: Notification, person: User, chosen: Sequence[ContactMethod], *, inbox: bool
) -> None:
    present = set(
        notification.deliveries.filter(user=person).values_list("contact_method_id", flat=True)
    )
    if inbox and not InboxItem.objects.filter(user=person, notification=notification).exists():
        put_into_inbox(notification, person)
    hours = QuietHours.objects.filter(user=person).first()
    until = quiet_end(notification, person, hours)
    for way in chosen:
        if way.pk in present:
            continue
        delivery = Delivery(
            notification=notification, method=way.kind, user=person, contact_method=way
        )
        refusal = _unusable(way)
        if refusal:
            delivery.state, delivery.why = Delivery.State.REJECTED, refusal
            delivery.settled_at = clock.now()
            delivery.save(force_insert=True)
        else:
            queue(delivery, until)


def _unusable(way: ContactMethod) -> str:
    if not way.is_active:
        return "its owner removed this way"
    return "" if way.is_verified else "nobody has proven this way"


def _leave_to_answer(notification: Notification, person: User, respond: Respond) -> None:
    unknown = [verb for verb in respond.verbs if verb not in answers.VERBS]
    if unknown or not respond.verbs:
        raise Invalid(f"Nobody registered the answers {', '.join(unknown) or '(none)'}.")
    lasts = respond.lasts or timedelta(hours=answers.LASTS.value)
    # Two codes of one person must differ: the person's row keeps others out meanwhile.
    User.objects.select_for_update().get(pk=person.pk)
    open_now = AnswerLink.objects.in_force().filter(person=person)
    # The same page by another way, or said again, keeps the code that was read out already.
    known = open_now.filter(subject=respond.subject).values_list("code", flat=True).first()
    AnswerLink.objects.get_or_create(
        notification=notification,
        person=person,
        defaults={
            "workspace_id": notification.workspace_id,
            "subject": respond.subject,
            "verbs": list(respond.verbs),
            "code": known or _new_code(set(open_now.values_list("code", flat=True))),
            "expires_at": clock.now() + lasts,
        },
    )


def _new_code(taken: set[str]) -> str:
    """Four digits that no other open page of this person has."""
    while True:
        code = f"{secrets.randbelow(9000) + 1000}"
        if code not in taken or len(taken) > 8000:
            return code
