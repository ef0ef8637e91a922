"""A page that waits for an answer."""

from __future__ import annotations

from controlplane.access.models import User, Workspace
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.notify import outbox, services
from controlplane.notify.answers import Respond
from controlplane.notify.models import (
    AnswerLink,
    Delivery,
    Notification,
    OutboxMessage,
)

done: list[tuple[str, str]] = []  # (who, subject)
over: dict[str, str] = {}


def act(link: AnswerLink, actor: Actor) -> str:
    if link.subject == "x:refuses":
        raise Conflict("It is resolved already.")
    done.append((actor.label, link.subject))
    return f"Acknowledged {link.subject}."


def page(person: User, workspace: Workspace, subject: str = "x:1", **extra: object) -> Notification:
    news = services.page(
        person, workspace_id=workspace.pk, kind="page.test", key=f"page {subject}",
        subject=f"About {subject}", respond=Respond(subject, ["test.a", "test.r"]), **extra,  # type: ignore[arg-type]
    )  # fmt: skip
    OutboxMessage.objects.filter(topic="notify.code").delete()
    outbox.send_due()
    return news


def sent(news: Notification) -> Delivery:
    found: Delivery = Delivery.objects.get(notification=news, contact_method__isnull=False)
    return found
