"""What people are told and how they are reached, once of each kind."""

from __future__ import annotations

from controlplane.access.models import User, Workspace
from controlplane.jobs import leases
from controlplane.lib import clock
from controlplane.notify import answers
from controlplane.notify import services as news
from controlplane.notify.models import OutboxMessage
from controlplane.notify.outbox import enqueue
from controlplane.notify.services import methods
from controlplane.notify.services.news import To, notify
from controlplane.notify.wording import CATALOGUE
from tests import make


def inhabit(here: Workspace, root: User, *, hostile: str, long: str) -> None:
    channel = news.create_channel(
        here,
        actor=make.JOB,
        name="Ops mailing list",
        kind="email",
        target="ops@example.org",
        urgencies=["critical"],
    )
    news.add_contact(here, actor=make.JOB, purpose="security_lead", name="Sami", user=root)
    kind = sorted(CATALOGUE)[0]
    news.set_wording(here, actor=make.JOB, kind=kind, subject="Our own words", body="Look.")
    for key, subject in (("first", long[:200]), ("second", hostile)):
        notify(
            workspace_id=here.pk,
            kind="tests.kind",
            to=To(users=[root.pk], channels=[channel.pk]),
            key=key,
            subject=subject,
            body=f"{long} {hostile}",
            urgency="critical",
            link="/admin/",
        )
    _reached(here, root, hostile=hostile, long=long)
    enqueue("tests.topic", {"text": hostile}, key="gone", workspace_id=here.pk)
    OutboxMessage.objects.filter(key="gone").update(
        state=leases.DEAD, attempts=8, last_error=hostile, finished_at=clock.now()
    )


def _reached(here: Workspace, root: User, *, hostile: str, long: str) -> None:
    """Ways of a person's own, a gateway, a page that can be answered, and what came back."""
    gateway = news.create_channel(
        here,
        actor=make.JOB,
        name="Text messages",
        kind="sms",
        target="https://sms.example.org/send",
        secret="a-signing-secret-of-some-length",
        options={"form": "json"},
    )
    way = news.add_method(
        root, actor=make.actor(root), kind="sms", target="+442079460958", label=hostile[:60]
    )
    way = news.confirm_method(way, actor=make.actor(root), code=methods.code_of(way))
    answers.register(
        "tests.acknowledge", label="Acknowledge", act=_acknowledged, words=("ack",), digit="4"
    )
    news.page(
        root,
        workspace_id=here.pk,
        kind="tests.page",
        key="paged",
        subject=hostile,
        body=long,
        methods=[way],
        respond=answers.Respond("access.workspace:1", ["tests.acknowledge"]),
    )
    for number, text in enumerate(("ack", hostile)):
        news.take_text(gateway, sender=way.target, text=text, provider_id=f"text-{number}")


def _acknowledged(link: object, actor: object) -> str:
    return "Acknowledged."
