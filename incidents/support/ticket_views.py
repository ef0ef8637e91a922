"""Tickets over the API: listed, opened, read, answered, walked to their end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.db.models import Count, DateTimeField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpResponse

from controlplane.access.models import User
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.rows import row_of
from controlplane.base.api.serializers import NoInput
from controlplane.base.api.views import ListView, NowView, PortalRequest
from controlplane.catalog.models import Service
from controlplane.lib.errors import NotFound
from controlplane.lib.given import refuse
from controlplane.notify.models import Contact
from incidents.models import Incident, Ticket, TicketEdit, TicketMessage
from incidents.runbooks import books, using
from incidents.support import answering, describing, escalating, moves, moving, opening, said
from incidents.support import ticket_forms as forms
from missions.web.people import people_in

VIEW = "ticket.view"
TAGS = ["support"]
RELATED = (
    *("workspace", "service", "item__project", "incident", "assignee", "requester", "contact"),
    *("duplicate_of", "acknowledged_by", "snapshot"),
)
MOST_SAID = 100
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def _here(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = Ticket.objects.visible_to(request.actor).of(request.workspace)
    return rows.defer("search")


class TicketFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Ticket.Status.choices)
    priority = django_filters.ChoiceFilter(choices=Ticket.Priority.choices)
    category = django_filters.ChoiceFilter(choices=Ticket.Category.choices)
    source = django_filters.ChoiceFilter(choices=Ticket.Source.choices)
    channel = django_filters.CharFilter(max_length=40)
    blocking = BooleanFilter(field_name="blocking", label="Somebody can't go on.")
    assignee = django_filters.UUIDFilter(field_name="assignee__uid")
    requester = django_filters.UUIDFilter(field_name="requester__uid")
    incident = django_filters.CharFilter(field_name="incident__ref", max_length=16)
    open = BooleanFilter(method="whether_open", label="Not over yet.")
    unacknowledged = BooleanFilter(method="whether_seen", label="Nobody has looked at it.")
    breaching = BooleanFilter(method="whether_late", label="A promise of it has run out.")
    silent = BooleanFilter(method="whether_silent", label="Its requester was reminded in vain.")
    q = django_filters.CharFilter(
        method="speaking_of", max_length=200, label="Words of subjects, messages and resolutions."
    )

    def whether_open(self, rows: QuerySet[Any], name: str, value: bool) -> Any:
        return rows.open() if value else rows.over()  # type: ignore[attr-defined]

    def whether_seen(self, rows: QuerySet[Any], name: str, value: bool) -> Any:
        return rows.filter(status="new") if value else rows.exclude(status="new")

    def whether_silent(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        silent = rows.model.objects.silent().values("pk")
        return rows.filter(pk__in=silent) if value else rows.exclude(pk__in=silent)

    def whether_late(self, rows: Any, name: str, value: bool) -> Any:
        late = rows.model.objects.breaching().values("pk")
        return rows.filter(pk__in=late) if value else rows.exclude(pk__in=late)

    def speaking_of(self, rows: Any, name: str, value: str) -> Any:
        return rows.about(value.replace("\x00", ""))


def _named(request: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Slugs, uids and refs as rows of this workspace."""
    if "service" in values:
        found = Service.objects.of(request.workspace).filter(slug=values["service"]).first()
        values["service"] = _there("service", found)
    for name in ("requester", "assignee"):
        if name in values:
            values[name] = _person(request, name, values[name])
    if "contact" in values:
        rows = Contact.objects.filter(workspace=request.workspace, is_active=True)
        values["contact"] = _there("contact", rows.filter(uid=values["contact"]).first())
    if "incident" in values:
        burning = Incident.objects.visible_to(request.actor).of(request.workspace)
        ref = values["incident"].strip().upper()
        values["incident"] = _there("incident", burning.filter(ref=ref).first())
    if "into" in values:
        ref = values["into"].strip().upper()
        values["into"] = _there("into", _here(request).filter(ref=ref).first())
    return values


def _there(name: str, row: Any) -> Any:
    if row is None:
        raise refuse(name, "There is none of that name here.")
    return row


def _person(request: Any, name: str, uid: UUID) -> User:
    found: User = _there(name, people_in(request.workspace).filter(uid=uid).first())
    return found


class TicketsView(ListView):
    """Support tickets of the workspace, the newest first."""

    actions = {"GET": VIEW, "POST": opening.OPEN}
    output = forms.TicketRow
    inputs = {"POST": forms.TicketNew}
    outputs = {"POST": forms.TicketRow}
    filterset = TicketFilter
    sorts = {
        "newest": ("-id",),
        "due": ("runs_out", "-id"),
        "priority": ("priority", "-id"),
    }
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        """What promises nothing comes after what does."""
        never = Value(NEVER, output_field=DateTimeField())
        found: QuerySet[Any] = _here(request).annotate(runs_out=Coalesce("due_at", never))
        return found

    def post(self, request: Any) -> HttpResponse:
        """Open a ticket

        It gets its work item and its clocks, and whoever answers is told. Without a requester
        whoever calls is the one who asks.
        """
        values = _named(request, self.read(request))
        if request.actor.user_id is None and not _asks(values):
            values["requester_name"] = request.actor.label
        made = opening.open_ticket(request.workspace, actor=request.actor, source="api", **values)
        row = _here(request).select_related(*RELATED).get(pk=made.pk)
        return created(self.show(row), f"{request.path}/{made.ref}")


def _asks(values: dict[str, Any]) -> bool:
    names = ("requester", "contact", "requester_name", "requester_email")
    return any(values.get(name) for name in names)


class OneTicket(NowView):
    output = forms.TicketWhole
    lookup = "ref"
    version = ("version",)
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _here(request).select_related(*RELATED)

    def answer(self, request: Any, ref: str) -> HttpResponse:
        """As it stands now, with what was said, its clocks and what this caller may do next."""
        row = self.rows(request).get(ref=ref)
        response = JsonAnswer({**self.show(row), **_told(row, request.actor)})
        response["ETag"] = self.tag_of(row, {"ref": ref})
        return response


def _told(row: Ticket, actor: Any) -> dict[str, Any]:
    following = moves.following(row, actor)
    move = following.move
    newest = messages_of(row).order_by("-pk")[:MOST_SAID]
    return {
        "messages": [_said(each) for each in reversed(newest)],
        "clocks": [
            {"label": each.label, "due_at": each.due, "done_at": each.done}
            for each in moves.clocks_of(row)
        ],
        "next": {
            "action": move.slug if move else "",
            "label": move.label if move else "",
            "why": following.why,
            "allowed": move is not None and not following.refusal,
            "refusal": following.refusal,
            "path": f"/api/v1/tickets/{row.ref}/{move.slug}" if move else "",
        },
    }


def messages_of(row: Ticket) -> Any:
    """As they were said last."""
    better = TicketEdit.objects.filter(message=OuterRef("pk")).order_by("-number")
    return row.messages.defer("search").annotate(
        said=Coalesce(Subquery(better.values("text")[:1]), "text"), times=Count("edits")
    )


def _said(each: Any) -> dict[str, Any]:
    return row_of(forms.TicketSaid).from_object(each)


class TicketView(OneTicket):
    """One ticket: what was asked, what was said, what was promised."""

    actions = {"GET": VIEW, "PATCH": moving.TRIAGE}
    inputs = {"PATCH": forms.TicketChange}
    outputs = {"GET": forms.TicketTold, "PATCH": forms.TicketTold}
    errors = (409,)

    def get(self, request: Any, ref: str) -> HttpResponse:
        """One ticket, with its messages, its clocks and the next step this caller may take

        The tag is the ticket's version, for `If-Match`.
        """
        self.object(request, {"ref": ref})
        return self.answer(request, ref)

    def patch(self, request: Any, ref: str) -> HttpResponse:
        """Describe it better: its subject, what it is about, who asked"""
        row = self.object(request, {"ref": ref})
        values = _named(request, self.read(request, partial=True))
        seen = self.seen(request, row, {"ref": ref})
        describing.describe(row, actor=request.actor, version=seen, **values)
        return self.answer(request, ref)


class _TicketVerb(OneTicket):
    """One move of a ticket."""

    service: ClassVar[Callable[..., Any]]
    outputs = {"POST": forms.TicketTold}
    statuses = {"POST": 200}
    errors = (409, 422)

    def post(self, request: Any, ref: str) -> HttpResponse:
        row = self.object(request, {"ref": ref})
        values = _named(request, self.read(request))
        seen = self.seen(request, row, {"ref": ref})
        if seen is not None and type(self).service is not moving.revoke_links:
            values["version"] = seen
        type(self).service(row, actor=request.actor, **values)
        return self.answer(request, ref)


def verb(
    name: str, action: str, service: Callable[..., Any], words: str, form: Any = NoInput
) -> type[_TicketVerb]:
    """A route of its own for each move: what may be sent and who may send it is documented."""
    attributes = {
        "__doc__": words,
        "__module__": __name__,
        "actions": {"POST": action},
        "inputs": {"POST": form},
        "service": staticmethod(service),
    }
    return type(f"Ticket{name}View", (_TicketVerb,), attributes)


VERBS: dict[str, type[_TicketVerb]] = {
    "acknowledge": verb("Acknowledge", moving.RESPOND, moving.acknowledge,
                        "Say that somebody has seen it.", forms.TicketSeen),
    "triage": verb("Triage", moving.TRIAGE, moving.triage,
                   "Say what it is about and how grave; P0 opens an incident.",
                   forms.TicketTriage),
    "priority": verb("Priority", moving.TRIAGE, moving.change_priority,
                     "Change its priority; its clocks are counted anew.", forms.TicketPriority),
    "assign": verb("Assign", moving.RESPOND, moving.assign,
                   "Say whose it is; left out: the caller's.", forms.TicketAssign),
    "begin": verb("Begin", moving.RESPOND, moving.begin, "Work on it begins.", forms.TicketSeen),
    "escalate": verb("Escalate", escalating.ESCALATE, escalating.escalate,
                     "Open an incident with its words, or find the one that is open for it.",
                     forms.TicketEscalate),
    "attach": verb("Attach", escalating.ESCALATE, escalating.attach,
                   "Say that it is about an incident that is open.", forms.TicketAttach),
    "resolve": verb("Resolve", moving.RESOLVE, moving.resolve,
                    "It is answered for good; the note is kept, and mailed.", forms.TicketResolve),
    "close": verb("Close", moving.RESOLVE, moving.close, "Nobody waits for anything any more.",
                  forms.TicketReason),
    "reopen": verb("Reopen", moving.RESPOND, moving.reopen, "It was not resolved after all.",
                   forms.TicketWhy),
    "merge": verb("Merge", moving.RESOLVE, moving.merge, "It is the same as another one.",
                  forms.TicketMerge),
    "spam": verb("Spam", moving.RESPOND, moving.mark_spam, "Nobody is answered.",
                 forms.TicketSeen),
    "not-spam": verb("NotSpam", moving.RESPOND, moving.unmark_spam, "It is no spam.",
                     forms.TicketSeen),
    "revoke-links": verb("RevokeLinks", moving.RESPOND, moving.revoke_links,
                         "Links that were sent to whoever asked lead nowhere any more.",
                         forms.TicketWhy),
}  # fmt: skip


class _PartOfTicket(ListView):
    tags = TAGS

    def ticket(self, request: Any) -> Ticket:
        rows = _here(request).select_related(*RELATED)
        found: Ticket | None = rows.filter(ref=self.kwargs["ref"].upper()).first()
        if found is None:
            raise NotFound("No such ticket.")
        return found


class TicketMessagesView(_PartOfTicket):
    """What was said of a ticket, the newest first."""

    actions = {"GET": VIEW, "POST": opening.OPEN}
    output = forms.TicketSaid
    inputs = {"POST": forms.TicketSay}
    outputs = {"POST": forms.TicketSaid}
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = messages_of(self.ticket(request))
        return found

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Answer, ask, note something for the desk, or say more of what one asked"""
        row, values = self.ticket(request), self.read(request)
        kind = values.pop("kind", "answer")
        if kind == "note":
            made = answering.add_note(row, actor=request.actor, source="api", **values)
        elif kind == "request":
            made = answering.hear(row, actor=request.actor, source="api",
                                  author_name=said.name_of(request.actor), **values)  # fmt: skip
        else:
            made = answering.answer(
                row, actor=request.actor, ask=kind == "ask", source="api", **values
            )
        whole = messages_of(row).get(pk=made.pk)
        return created(_said(whole), f"{request.path}/{made.uid}")


class TicketMessageView(_PartOfTicket):
    """One message."""

    is_list = False
    actions = {"PATCH": moving.RESPOND}
    inputs = {"PATCH": forms.TicketBetter}
    outputs = {"PATCH": forms.TicketSaid}
    errors = (409,)

    def patch(self, request: Any, ref: str, uid: UUID) -> HttpResponse:
        """Say one's own words better; what was said first is kept"""
        row = self.ticket(request)
        found: TicketMessage | None = row.messages.filter(uid=uid).select_related("ticket").first()
        if found is None:
            raise NotFound("Nothing of that was said here.")
        said.correct(found, self.read(request)["text"], actor=request.actor)
        return JsonAnswer(_said(messages_of(row).get(pk=found.pk)))


class TicketRunbooksView(_PartOfTicket):
    """Runbooks that help with what a ticket asks."""

    is_list = False
    actions = {"GET": VIEW, "POST": "runbook.view"}
    inputs = {"POST": forms.TicketConsult}
    outputs = {"GET": forms.TicketHelps, "POST": forms.TicketHelps}
    statuses = {"POST": 200}

    def get(self, request: Any, ref: str) -> HttpResponse:
        """What its kind of question belongs to, then what reads alike"""
        return JsonAnswer(_helpful(self.ticket(request)))

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Note that a runbook was consulted for it"""
        row = self.ticket(request)
        runbook = books.find(row.workspace_id, self.read(request)["runbook"])
        using.consult(_there("runbook", runbook), actor=request.actor, ticket=row)
        return JsonAnswer(_helpful(row))


def _helpful(row: Ticket) -> dict[str, Any]:
    read = set(row.runbook_uses.values_list("runbook__slug", flat=True))
    return {"items": [
        {"slug": one.runbook.slug, "title": one.runbook.title, "why": one.why,
         "consulted": one.runbook.slug in read}
        for one in using.for_ticket(row)
    ]}  # fmt: skip
