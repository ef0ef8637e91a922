"""What people send back by text message or by the keys of a telephone."""

from __future__ import annotations

import re

from django.db import transaction

from controlplane.access.models import Grant
from controlplane.lib.errors import ControlPlaneError, Invalid
from controlplane.lib.text import short
from controlplane.notify import answers, numbers, replies
from controlplane.notify.models import (
    AnswerLink,
    Channel,
    Contact,
    ContactMethod,
    Delivery,
    Reply,
)
from controlplane.notify.replies import Said
from controlplane.notify.services.answers import acting, perform, why_over

_CODE = re.compile(r"[0-9]{4}")
_CUT = 160  # what is said back fits into one text message
Result = Reply.Result


def take_text(channel: Channel, *, sender: str, text: str, provider_id: str) -> Reply:
    """A text message that came in. Brought twice, it is heard once."""
    return _take(channel, sender=sender, text=text, provider_id=provider_id, delivery=None)


def take_key(channel: Channel, delivery: Delivery, *, digit: str, provider_id: str) -> Reply:
    """A key that was pressed while a message was read out. Who was called is known."""
    return _take(
        channel, sender=delivery.telephone, text=digit, provider_id=provider_id, delivery=delivery
    )


@transaction.atomic
def _take(
    channel: Channel, *, sender: str, text: str, provider_id: str, delivery: Delivery | None
) -> Reply:
    # The gateway's row keeps a second bringer of the same message waiting.
    Channel.objects.select_for_update(of=("self",), no_key=True).get(pk=channel.pk)
    known: Reply | None = Reply.objects.filter(channel=channel, provider_id=provider_id).first()
    if known is not None:
        return known
    row = Reply(
        workspace_id=channel.workspace_id,
        channel=channel,
        provider_id=provider_id,
        sender=short(sender, 40),
        text=short(_printable(text), 500),
        delivery=delivery,
    )
    if delivery is not None:
        row.contact_method, row.contact = delivery.contact_method, delivery.contact
    else:
        row.contact_method, row.contact = _sender(channel, sender)
    if row.contact_method is not None:
        row.person = row.contact_method.user
    if row.person is None and row.contact is None:
        # No answer: whoever writes to the number must not learn what it is, at our cost.
        row.result = Result.STRANGER
    else:
        row.result, row.answer = _heard(row)
    row.answer = short(row.answer, 480)
    row.save(force_insert=True)
    return row


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _sender(channel: Channel, sender: str) -> tuple[ContactMethod | None, Contact | None]:
    """Whose number this is: proven, and of somebody who works in the gateway's workspace; or of
    somebody of its contact book."""
    try:
        number = numbers.dialled(sender)
    except Invalid:
        return None, None
    here = (
        Grant.objects.held()
        .of_active_people()
        .filter(membership__workspace_id=channel.workspace_id)
    )
    rows = ContactMethod.objects.usable().select_related("user")
    found: ContactMethod | None = rows.filter(
        kind=ContactMethod.Kind.SMS,
        target=number,
        user_id__in=here.values("membership__user_id"),
    ).first()
    if found is not None:
        return found, None
    return None, next(iter(_in_book(channel.workspace_id, number)), None)


def _in_book(workspace_id: int, number: str) -> list[Contact]:
    """One person may stand there for several purposes. Compared as dialled: in the book a number
    is written as people write it."""
    rows = Contact.objects.filter(workspace_id=workspace_id, is_active=True).exclude(phone="")
    return [row for row in rows.order_by("order", "pk") if row.number == number]


def _heard(row: Reply) -> tuple[str, str]:
    """What it means, done: the result and what is said back."""
    try:
        with transaction.atomic():
            return _done(row)
    except ControlPlaneError as error:
        return Result.REFUSED, error.message


def _done(row: Reply) -> tuple[str, str]:
    words = row.text.lower().replace(",", " ").split()
    code = next((word for word in words if _CODE.fullmatch(word)), "")
    said = [word for word in words if word != code]
    word, rest = (said[0], " ".join(said[1:])) if said else ("", "")
    links = _open(row)
    chosen = _meant(links, word, code, everything=rest == "all")
    if chosen:
        return Result.DONE, _perform(row, chosen)
    if word in replies.WORDS and row.person is not None:
        actor = acting(row.person, row.workspace_id)
        given = Said(word, rest, row.person, actor, row.channel)
        return Result.DONE, replies.WORDS[word].handler(given)
    return Result.HELP, _help(links, word)


def _open(row: Reply) -> list[AnswerLink]:
    """What this person may still answer here, newest first. A key answers its own call only."""
    links = AnswerLink.objects.in_force().filter(workspace_id=row.workspace_id)
    if row.contact is None:
        links = links.filter(person_id=row.person_id)
    elif row.delivery is None:
        links = links.filter(contact__in=_in_book(row.workspace_id, row.contact.number))
    else:
        links = links.filter(contact=row.contact)
    if row.delivery is not None:
        links = links.filter(notification_id=row.delivery.notification_id)
    read = links.select_related("notification", "workspace", "person", "contact")
    return list(read.order_by("-id")[:50])


Chosen = list[tuple[AnswerLink, str]]


def _meant(links: list[AnswerLink], word: str, code: str, *, everything: bool) -> Chosen:
    """The answers that are meant. A word alone is understood while one thing stands open; of
    several one has to be named, or all: to guess would acknowledge what nobody has seen."""
    found: dict[str, tuple[AnswerLink, str]] = {}
    for link in links:
        if code and link.code != code:
            continue
        verb = _verb(link, word)
        # Several messages about one thing: the newest stands for them.
        if verb and link.subject not in found and not why_over(link, verb):
            found[link.subject] = (link, verb)
    if len(found) > 1 and not everything:
        return []
    return list(found.values())


def _verb(link: AnswerLink, word: str) -> str:
    for verb in answers.verbs_of(link):
        if word and (word in verb.words or word == verb.digit):
            return verb.name
    return ""


def _perform(row: Reply, chosen: Chosen) -> str:
    by = row.channel.kind
    if len(chosen) == 1:
        row.link = chosen[0][0]
    return " ".join(perform(link, verb, by=by) for link, verb in chosen)


def _help(links: list[AnswerLink], word: str) -> str:
    usable = [(link, verb) for link in links for verb in answers.verbs_of(link)]
    live = [(link, verb) for link, verb in usable if not why_over(link, verb.name)]
    if not live:
        known = ", ".join(sorted(replies.WORDS))
        return (
            f"Nothing waits for your answer. Words I know: {known}."
            if known
            else ("Nothing waits for your answer.")
        )
    lines = []
    seen: set[tuple[str, str]] = set()
    for link, verb in live:
        if (link.subject, verb.name) in seen or not verb.words:
            continue
        seen.add((link.subject, verb.name))
        what = short(link.notification.subject, 40)
        lines.append(f"{link.code} {verb.words[0].upper()}: {verb.label.lower()} {what}")
    start = "Several are open." if word else "Say which:"
    return "\n".join([start, *lines])[: _CUT * 3]
