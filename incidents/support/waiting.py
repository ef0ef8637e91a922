"""A ticket that waits for whoever asked: they are reminded in the hours of its channel, so often
and no more; then the desk is told that nobody answers. Nobody closes it in their place: a ticket
ends with a note of what it was, and only a person of the desk can write that."""

from __future__ import annotations

from django.db import transaction

from controlplane.audit.refs import subject_ref
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock, defaults
from incidents.models import Ticket
from incidents.support import clocks, mailing, said, telling
from incidents.support.holding import hold, put
from incidents.support.noting import PORTAL, note

REMIND = "ticket.waits"
AFTER = defaults.define(
    "support.waiting_reminder_s",
    57_600.0,
    unit="covered seconds",
    why="A day of the support channel, sixteen hours: time to look, and not yet forgotten.",
)
TIMES = defaults.define(
    "support.waiting_reminders",
    2,
    unit="reminders",
    why="Whoever did not answer twice will not be made to by a third mail.",
)


def expect(row: Ticket, *, number: int = 1) -> None:
    """Promise the next reminder, or after the last one that the desk is told."""
    timers.set_timer(
        REMIND,
        key=f"{REMIND}:{row.uid}",
        due_at=clocks.due(row, clock.now(), AFTER.value),
        subject=subject_ref(row),
        workspace_id=row.workspace_id,
        payload={"ticket": row.pk, "number": number},
    )


@timers.on(REMIND)
@transaction.atomic
def still_waits(timer: Timer) -> None:
    found = Ticket.objects.filter(pk=timer.payload["ticket"]).first()
    if found is None:
        return
    row = hold(found)
    if row.status != Ticket.Status.WAITING:
        return
    number = int(timer.payload["number"])
    if number > TIMES.value:
        _say_silent(row, number - 1)
    else:
        _remind(row, number)
        expect(row, number=number + 1)


def _remind(row: Ticket, number: int) -> None:
    asked = row.messages.filter(kind="answer").exclude(author="").order_by("-pk").first()
    words = "We still wait for your answer, and go on as soon as we have it."
    if asked is not None:
        quoted = "\n".join(f"> {line}" for line in asked.text[:1_000].splitlines())
        words = f"{words} We asked:\n\n{quoted}"
    message = said.keep(row, "answer", words, actor=PORTAL, author_name="Support")
    mailing.send(row, message)
    note(row, "ticket.respond", actor=PORTAL, details={"transition": "reminded"},
         said=f"{row.ref}: whoever asked is reminded ({number} of {TIMES.value}).",
         after={"reminder": number})  # fmt: skip


def _say_silent(row: Ticket, times: int) -> None:
    put(row, {"silent_at": clock.now()})
    text = (
        f"Whoever asked was reminded {times} {'time' if times == 1 else 'times'} and said nothing."
        " Ask in another way, or resolve it with a note of what is known."
    )
    note(row, "ticket.respond", actor=PORTAL, said=f"{row.ref}: {text}",
         details={"transition": "silent"})  # fmt: skip
    telling.told(row, "ticket.moved", key=f"silent:{row.version}", users=[row.assignee_id],
                 what="waits for somebody who does not answer", text=text)  # fmt: skip
