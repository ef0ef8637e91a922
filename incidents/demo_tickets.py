"""The demo's support desk at work: a ticket in each state, one of them standing for an incident,
and some of the weeks before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.base import demo
from controlplane.lib import actors, clock
from incidents.models import Incident, Ticket
from incidents.support import answering, escalating, moving, opening

MAILBOX = actors.job("support")
_PAST = (
    (27, "Where are the exports?", "question", "They stand under Evidence, as a zip."),
    (19, "The packet never arrives", "integration", "The receiver's address was old."),
    (12, "My key stopped working", "access", "It had expired; a new one is out."),
    (5, "A page is empty after the release", "deployment", "Rolled back, and mended since."),
)


@demo.step("support.tickets", order=98)
def tickets(scene: demo.Scene) -> None:
    if Ticket.objects.filter(workspace=scene.workspace).exists():
        return
    for days, subject, category, resolution in _PAST:
        _past(scene, days, subject, category, resolution)
    _ended(scene)
    _open(scene)


def _asked(scene: demo.Scene, subject: str, body: str, **given: Any) -> Ticket:
    name = given.pop("name", "Ines Duarte")
    address = f"{name.split()[0].lower()}@partner.example"
    values = {"source": "email", "requester_name": name, "requester_email": address, **given}
    return opening.open_ticket(scene.workspace, actor=MAILBOX, subject=subject, body=body, **values)


def _triaged(scene: demo.Scene, row: Ticket, priority: str, category: str) -> Ticket:
    primary = scene.actor("primary_operator")
    return moving.triage(row, actor=primary, priority=priority, category=category)


def _past(scene: demo.Scene, days: int, subject: str, category: str, resolution: str) -> None:
    primary = scene.actor("primary_operator")
    with clock.set_back(timedelta(days=days)):
        row = _asked(scene, subject, f"{subject} It worked last week.", name="Tom Lindqvist")
    with clock.set_back(timedelta(days=days, minutes=-9)):
        row = _triaged(scene, row, "p2", category)
        answering.answer(row, actor=primary, text="We look at it.")
    with clock.set_back(timedelta(days=days, minutes=-130)):
        row = moving.resolve(row, actor=primary, resolution=resolution)
    with clock.set_back(timedelta(days=days - 3)):
        moving.close(row, actor=primary)


def _ended(scene: demo.Scene) -> None:
    primary = scene.actor("primary_operator")
    with clock.set_back(timedelta(hours=20)):
        row = _asked(scene, "How do I add a colleague?", "I can't find where.")
        row = _triaged(scene, row, "p2", "question")
        moving.resolve(row, actor=primary, resolution="An admin adds people under Members.")
    with clock.set_back(timedelta(hours=18)):
        same = _asked(scene, "Adding colleagues", "Where is it?")
        moving.merge(same, row, actor=primary, reason="The same question.")
        spam = _asked(scene, "You have won", "Click here.", name="Prize Desk")
        moving.mark_spam(spam, actor=primary)
    with clock.set_back(timedelta(hours=6)):
        back = _asked(scene, "Reports arrive twice", "Every morning since Monday.")
        back = _triaged(scene, back, "p2", "integration")
        moving.resolve(back, actor=primary, resolution="The second sender is switched off.")
    with clock.set_back(timedelta(minutes=25)):
        answering.hear(back, actor=MAILBOX, text="They came twice again today.", source="email")


def _open(scene: demo.Scene) -> None:
    primary = scene.actor("primary_operator")
    with clock.set_back(timedelta(hours=3)):
        row = _asked(scene, "Which roles may sign?", "We plan our second mission.", name="Ana Reis")
        row = _triaged(scene, row, "p2", "question")
        answering.answer(
            row, actor=primary, ask=True, text="It depends on the stage. Which one do you plan?"
        )
    with clock.set_back(timedelta(minutes=52)):
        late = _asked(scene, "The nightly import stopped", "No rows since two.", name="Jonas Weber")
        moving.acknowledge(late, actor=primary)
    with clock.set_back(timedelta(minutes=21)):
        row = _asked(
            scene, "Sign-in fails for our whole team",
            "Since half an hour nobody of us gets in: “not allowed here”.",
            name="Mara Novak", blocking=True,
        )  # fmt: skip
        row = _triaged(scene, row, "p1", "access")
    with clock.set_back(timedelta(minutes=12)):
        moving.begin(row, actor=primary)
        answering.answer(row, actor=primary, text="We see it, and look at the sign-in provider.")
        answering.add_note(
            row, actor=primary, text="The provider changed its keys half an hour ago."
        )
    burning = Incident.objects.of(scene.workspace).burning().order_by("-pk").first()
    with clock.set_back(timedelta(minutes=18)):
        row = _asked(scene, "Missions stop in the middle",
                     "Three of ours in the last minutes, each while it asks a tool.",
                     name="Lea Fontaine")  # fmt: skip
        if burning is not None:
            escalating.attach(row, burning, actor=primary, reason="It is the same trouble.")
        else:
            escalating.escalate(row, actor=primary, reason="Several customers.", severity="sev3")
    with clock.set_back(timedelta(minutes=9)):
        row = _asked(scene, "Can exports go to our own bucket?", "We keep evidence ourselves.")
        _triaged(scene, row, "p2", "question")
    with clock.set_back(timedelta(minutes=4)):
        _asked(scene, "The desk shows yesterday's date", "In the header, on both of our screens.",
               name="Sam Okafor")  # fmt: skip
