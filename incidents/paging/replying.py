"""What somebody who is called may answer from the message itself: by a link with one tap, by text
message, or by a key of their telephone. Who has no account acknowledges; that it is over is said
by somebody who can look."""

from __future__ import annotations

from controlplane.audit.refs import subject_ref
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from controlplane.notify import answers
from controlplane.notify.models import AnswerLink
from incidents.models import EscalationRun, Incident, Page, Ticket
from incidents.paging.ending import OPEN

ACKNOWLEDGE, RESOLVE = "incident.acknowledge", "incident.resolve"
VERBS = (ACKNOWLEDGE, RESOLVE)


def incident_of(link: AnswerLink) -> Incident:
    label, _, pk = link.subject.partition(":")
    rows = Incident.objects.filter(workspace_id=link.workspace_id)
    found: Incident | None = None
    if label == Incident._meta.label_lower and pk.isdecimal():
        found = rows.select_related("acknowledged_by").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is nothing here.")
    return found


def code_of(row: Incident | Ticket) -> str:
    """What a text message says it is about, the same for everybody who is called: four digits.
    Incidents count up, tickets down: they are told apart as long as no four thousand of either
    are open at once."""
    digits = "".join(each for each in row.ref if each.isdecimal()) or str(row.pk)
    number = int(digits) % 9_000
    return str(9_999 - number if isinstance(row, Ticket) else 1_000 + number)


def subject_of(incident: Incident) -> str:
    return subject_ref(incident)


def _acknowledge(link: AnswerLink, actor: Actor) -> str:
    from incidents.records.moving import acknowledge

    row = acknowledge(incident_of(link), actor=actor, way="link")
    return f"You are on it: {row.ref} {row.title}. Nobody else is called."


def _acknowledged(link: AnswerLink) -> str:
    row = incident_of(link)
    over = _over(row)
    if over or row.acknowledged_at is None or _is_called(link):
        return over
    return f"{on_it(row) or 'Somebody'} is on it already: {row.ref}."


def _is_called(link: AnswerLink) -> bool:
    """Whether this very call goes on: who was called although somebody is on it is waited for."""
    pages = Page.objects.filter(notification=link.notification_id, status__in=OPEN)
    return pages.filter(run__status=EscalationRun.Status.RUNNING).exists()


def on_it(row: Incident) -> str:
    """Who is on it, with or without an account; "" where nobody is, or a sender said so."""
    if row.acknowledged_at is None:
        return ""
    if row.acknowledged_by is not None:
        return str(row.acknowledged_by.name)
    page = row.pages.filter(answered_at__isnull=False, contact__isnull=False)
    last = page.select_related("contact").order_by("-answered_at").first()
    return str(last.contact.name) if last is not None and last.contact is not None else ""


def _resolve(link: AnswerLink, actor: Actor) -> str:
    from incidents.records.moving import resolve

    row = resolve(incident_of(link), actor=actor, reason="Answered from the call: it is over.")
    return f"{row.ref} is resolved."


def _resolved(link: AnswerLink) -> str:
    return _over(incident_of(link))


def _over(row: Incident) -> str:
    if Incident.objects.burning().filter(pk=row.pk).exists():
        return ""
    return f"{row.ref} is {row.get_status_display().lower()}."


def register() -> None:
    answers.register(
        ACKNOWLEDGE, label="I am on it", act=_acknowledge, over=_acknowledged,
        words=("ack", "a", "yes"), digit="4", leave=("incident.acknowledge",),
    )  # fmt: skip
    answers.register(
        RESOLVE, label="It is over", act=_resolve, over=_resolved,
        words=("resolve", "r", "over"), digit="6",
    )  # fmt: skip
