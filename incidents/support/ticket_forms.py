"""What is sent of tickets and answered."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from incidents.api.forms import SEVERITY, text
from incidents.models import Ticket, TicketMessage

_PERSON = "a person's uid"


class TicketRow(StrictSerializer):
    ref = serializers.CharField()
    uid = serializers.UUIDField()
    subject = serializers.CharField()
    status = serializers.ChoiceField(choices=Ticket.Status.choices)
    priority = serializers.ChoiceField(choices=Ticket.Priority.choices)
    category = serializers.ChoiceField(choices=Ticket.Category.choices)
    blocking = serializers.BooleanField(help_text="somebody can't go on without an answer")
    source = serializers.ChoiceField(choices=Ticket.Source.choices)  # type: ignore[assignment]
    channel = serializers.CharField(help_text="slug of the channel whose hours its promises keep")
    requester = serializers.UUIDField(source="requester.uid", allow_null=True)
    requester_name = serializers.CharField()
    requester_email = serializers.CharField()
    assignee = serializers.UUIDField(source="assignee.uid", allow_null=True)
    incident = serializers.CharField(source="incident.ref", allow_null=True)
    item = serializers.CharField(source="item.key", allow_null=True)
    opened_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(
        allow_null=True, help_text="the promise that runs out first"
    )  # fmt: skip
    resolved_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class TicketWhole(TicketRow):
    service = serializers.CharField(source="service.slug", allow_null=True)
    contact = serializers.UUIDField(source="contact.uid", allow_null=True)
    duplicate_of = serializers.CharField(source="duplicate_of.ref", allow_null=True)
    resolution = serializers.CharField()
    snapshot = serializers.UUIDField(source="snapshot.uid", allow_null=True)
    acknowledge_due_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.UUIDField(source="acknowledged_by.uid", allow_null=True)
    triage_due_at = serializers.DateTimeField(allow_null=True)
    triaged_at = serializers.DateTimeField(allow_null=True)
    respond_due_at = serializers.DateTimeField(allow_null=True)
    responded_at = serializers.DateTimeField(allow_null=True)
    next_update_due_at = serializers.DateTimeField(allow_null=True)
    last_update_at = serializers.DateTimeField(allow_null=True)
    escalated_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    reopened_at = serializers.DateTimeField(allow_null=True)
    silent_at = serializers.DateTimeField(
        allow_null=True, help_text="when whoever asked had been reminded and said nothing"
    )
    reopened = serializers.IntegerField(help_text="times")


class TicketFile(StrictSerializer):
    uid = serializers.UUIDField(help_text="of the attachment of its work item")
    title = serializers.CharField()
    size = serializers.IntegerField(allow_null=True)


class TicketRefused(StrictSerializer):
    title = serializers.CharField()
    why = serializers.CharField()


class TicketSaid(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=TicketMessage.Kind.choices)
    text = serializers.CharField(source="said", help_text="as it was said last")
    corrected = serializers.IntegerField(source="times", help_text="how often it was said better")
    files = TicketFile(many=True)
    refused = TicketRefused(many=True, help_text="files that could not be kept")
    author_name = serializers.CharField()
    source = serializers.ChoiceField(choices=Ticket.Source.choices)  # type: ignore[assignment]
    at = serializers.DateTimeField()


class TicketClock(StrictSerializer):
    label = serializers.CharField()  # type: ignore[assignment]
    due_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)


class TicketNext(StrictSerializer):
    """The one next step; where `action` is empty there is none."""

    action = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    why = serializers.CharField()
    allowed = serializers.BooleanField()
    refusal = serializers.CharField()
    path = serializers.CharField()


class TicketTold(TicketWhole):
    messages = TicketSaid(many=True, help_text="the newest hundred, the oldest of them first")
    clocks = TicketClock(many=True)
    next = TicketNext()


class TicketNew(StrictSerializer):
    subject = serializers.CharField(max_length=200)
    body = serializers.CharField(max_length=20_000)
    category = serializers.ChoiceField(choices=Ticket.Category.choices, required=False)
    priority = serializers.ChoiceField(
        choices=Ticket.Priority.choices, required=False,
        help_text="`p0` opens an incident and calls its people at once.",
    )  # fmt: skip
    blocking = serializers.BooleanField(required=False)
    channel = text(max_length=40, help_text="slug of a support channel; left out: `support`")
    service = serializers.CharField(max_length=50, required=False, help_text="its slug")
    requester = serializers.UUIDField(required=False, help_text=_PERSON)
    contact = serializers.UUIDField(required=False, help_text="uid of a contact")
    requester_name = text(max_length=120)
    requester_email = text(max_length=254)


class TicketChange(StrictSerializer):
    subject = serializers.CharField(max_length=200, required=False)
    category = serializers.ChoiceField(choices=Ticket.Category.choices, required=False)
    blocking = serializers.BooleanField(required=False)
    service = serializers.CharField(max_length=50, required=False, help_text="its slug")
    requester_name = text(max_length=120)
    requester_email = text(max_length=254)


class TicketSeen(StrictSerializer):
    version = serializers.IntegerField(required=False, help_text="that was seen")


class TicketTriage(TicketSeen):
    priority = serializers.ChoiceField(choices=Ticket.Priority.choices)
    category = serializers.ChoiceField(choices=Ticket.Category.choices)
    blocking = serializers.BooleanField(required=False)
    service = serializers.CharField(max_length=50, required=False, help_text="its slug")
    assignee = serializers.UUIDField(required=False, help_text=_PERSON)


class TicketPriority(TicketSeen):
    priority = serializers.ChoiceField(choices=Ticket.Priority.choices)
    reason = serializers.CharField(max_length=500)


class TicketAssign(TicketSeen):
    assignee = serializers.UUIDField(required=False, help_text=_PERSON)
    role = text(max_length=40, help_text="whoever is on duty as this")
    reason = text(max_length=500)


class TicketResolve(TicketSeen):
    resolution = serializers.CharField(max_length=8_000, help_text="kept, and mailed")
    snapshot = serializers.BooleanField(
        required=False, help_text="keep the figures of the workspace as they stand now with it"
    )
    tell = serializers.BooleanField(required=False, help_text="`false`: nobody is mailed")


class TicketReason(TicketSeen):
    reason = text(max_length=500)


class TicketWhy(TicketSeen):
    reason = serializers.CharField(max_length=500)


class TicketEscalate(TicketWhy):
    severity = text(max_length=8, help_text=f"{SEVERITY}; left out: what its priority maps to")
    title = text(max_length=200)


class TicketAttach(TicketReason):
    incident = serializers.CharField(max_length=16, help_text="ref of one that is open")


class TicketMerge(TicketReason):
    into = serializers.CharField(max_length=16, help_text="ref of the one it goes on as")


class TicketSay(StrictSerializer):
    text = serializers.CharField(max_length=20_000)
    kind = serializers.ChoiceField(
        choices=[("answer", "Answer"), ("ask", "Question"), ("note", "Internal note"),
                 ("request", "More of what was asked")],
        required=False,
        help_text="`answer` (left out) and `ask` go to whoever asked; a ticket that asks waits for"
        " their answer; `request` is said by them.",
    )  # fmt: skip


class TicketBetter(StrictSerializer):
    text = serializers.CharField(max_length=20_000)


class TicketConsult(StrictSerializer):
    runbook = serializers.CharField(max_length=60, help_text="its slug")


class TicketHelp(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    why = serializers.CharField()
    consulted = serializers.BooleanField(help_text="by anybody, for this ticket")


class TicketHelps(StrictSerializer):
    items = TicketHelp(many=True)
