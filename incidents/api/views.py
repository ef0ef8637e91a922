"""Incidents: listed, opened, read, walked to their end; and the ladders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import NoInput
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.catalog.models import Environment, Service
from controlplane.lib.actors import Actor
from controlplane.lib.given import refuse
from controlplane.notify.models import Contact
from incidents.api import forms
from incidents.models import Incident, SeverityLevel
from incidents.querysets import OVER
from incidents.records import calling, levels, moving
from incidents.records.opening import open_incident
from incidents.reviews import writing
from incidents.shown import clocks, moves

VIEW = "incident.view"
RELATED = (
    *("workspace", "service", "environment", "item__project", "commander", "acknowledged_by"),
    "merged_into",
)


class IncidentFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Incident.Status.choices)
    severity = django_filters.CharFilter(max_length=8)
    category = django_filters.ChoiceFilter(choices=Incident.Category.choices)
    origin = django_filters.ChoiceFilter(choices=Incident.Origin.choices)
    service = django_filters.CharFilter(field_name="service__slug", max_length=50)
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    burning = BooleanFilter(method="whether_burning")
    data_at_risk = BooleanFilter(field_name="data_at_risk", label="Data may be wrong or lost.")
    legal_matter = BooleanFilter(field_name="legal_matter", label="A matter of law.")
    acknowledged = BooleanFilter(method="whether_acknowledged")

    def whether_burning(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.exclude(status__in=OVER) if value else rows.filter(status__in=OVER)

    def whether_acknowledged(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.filter(acknowledged_at__isnull=not value)


def _here(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = Incident.objects.visible_to(request.actor).of(request.workspace)
    return rows


def _named(request: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Slugs as rows of this workspace."""
    for name, model in (("service", Service), ("environment", Environment)):
        if name in values:
            slug = values[name]
            rows: Any = model._default_manager
            values[name] = rows.of(request.workspace).filter(slug=slug).first()
            if values[name] is None:
                raise refuse(name, "There is none of that name here.")
    return values


class IncidentsView(ListView):
    """Incidents of the workspace, the newest first."""

    actions = {"GET": VIEW, "POST": "incident.open"}
    output = forms.IncidentRow
    inputs = {"POST": forms.IncidentNew}
    outputs = {"POST": forms.IncidentRow}
    filterset = IncidentFilter
    is_kept = True
    sorts = {"newest": ("-id",), "severity": ("severity", "-id")}
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _here(request)

    def post(self, request: Any) -> HttpResponse:
        """Open an incident

        It gets its work item and its clocks, and whoever its level names is called.
        """
        values = _named(request, self.read(request))
        origin = "agent" if request.actor.kind == "agent" else "person"
        made = open_incident(request.workspace, actor=request.actor, origin=origin, **values)
        row = _here(request).select_related(*RELATED).get(pk=made.pk)
        return created(self.show(row), f"{request.path}/{made.ref}")


class OneIncident(DetailView):
    output = forms.IncidentWhole
    lookup = "ref"
    version = ("version",)
    tags = forms.TAGS
    is_kept = True

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _here(request).select_related(*RELATED)

    def answer(self, request: Any, ref: str) -> HttpResponse:
        """As it stands now, with its clocks and what this caller may do next."""
        return self.told(request, self.rows(request).get(ref=ref))

    def told(self, request: Any, row: Incident) -> HttpResponse:
        response = JsonAnswer({**self.show(row), **_told(row, request.actor)})
        response["ETag"] = self.tag_of(row, {"ref": row.ref})
        return response


def _told(row: Incident, actor: Actor) -> dict[str, Any]:
    level = levels.of(row.workspace_id).get(row.severity)
    found = clocks.of(row, level) if level is not None else []
    following = moves.following(row, actor)
    move = following.move
    return {
        "clocks": [
            {"label": each.label, "due_at": each.due, "done_at": each.done} for each in found
        ],
        "next": {
            "action": move.slug if move else "",
            "label": moves.label(row, move) if move else "",
            "why": following.why,
            "allowed": move is not None and not following.refusal,
            "refusal": following.refusal,
            "path": f"/api/v1/incidents/{row.ref}/{move.slug}" if move else "",
        },
    }


class IncidentView(OneIncident):
    """One incident: how grave it is, who is on it, what was promised."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.IncidentTold}

    def get(self, request: Any, ref: str) -> HttpResponse:
        """One incident, with its clocks and the next step this caller may take

        The tag is the incident's version, for `If-Match`. Alerts that join it raise no version:
        the answer is always whole.
        """
        return self.told(request, self.object(request, {"ref": ref}))


class _Verb(OneIncident):
    """One move of an incident."""

    service: ClassVar[Callable[..., Any]]
    outputs = {"POST": forms.IncidentTold}
    statuses = {"POST": 200}
    if_match = {"POST": "optional"}
    errors = (409, 422)

    def post(self, request: Any, ref: str) -> HttpResponse:
        row = self.object(request, {"ref": ref})
        values = self.read(request)
        if "into" in values:
            values["into"] = _other(request, values["into"])
        type(self).service(row, actor=request.actor, **values)
        return self.answer(request, ref)


def _other(request: Any, ref: str) -> Incident:
    found: Incident | None = _here(request).filter(ref=ref.strip().upper()).first()
    if found is None:
        raise refuse("into", "There is no such incident here.")
    return found


def _acknowledge(row: Incident, *, actor: Actor) -> Incident:
    return moving.acknowledge(row, actor=actor, way="api")


def _call(row: Incident, *, actor: Actor, contact: UUID, **given: Any) -> Incident:
    found = Contact.objects.filter(workspace=row.workspace_id, uid=contact).first()
    if found is None:
        raise refuse("contact", "Choose somebody of this workspace's contact book.")
    return calling.call_contact(row, actor=actor, contact=found, **given)


def verb(
    name: str, action: str, service: Callable[..., Any], words: str, form: Any = NoInput
) -> type[_Verb]:
    """A route of its own for each move: what may be sent and who may send it is documented."""
    attributes = {
        "__doc__": words,
        "__module__": __name__,
        "actions": {"POST": action},
        "inputs": {"POST": form},
        "service": staticmethod(service),
    }
    return type(f"Incident{name}View", (_Verb,), attributes)


VERBS: dict[str, type[_Verb]] = {
    "acknowledge": verb(
        "Acknowledge", "incident.acknowledge", _acknowledge,
        "Say that one is on it: nobody else is called.",
    ),
    "triage": verb(
        "Triage", "incident.triage", moving.triage,
        "Say what is seen, since when, and whom it touches.", forms.IncidentTriage,
    ),
    "severity": verb(
        "Severity", "incident.triage", moving.change_severity,
        "Say how grave it is; its clocks follow.", forms.IncidentSeverity,
    ),
    "escalate": verb(
        "Escalate", "incident.escalate", calling.escalate,
        "Call others now: the next level, whom it needs, or one role.", forms.IncidentEscalate,
    ),
    "call": verb(
        "Call", "incident.escalate", _call,
        "Call one of the contact book by name, and no one else.", forms.IncidentCall,
    ),
    "mitigate": verb(
        "Mitigate", "incident.mitigate", moving.mitigate,
        "Begin to work on it, or begin anew since it came back.", forms.IncidentBegin,
    ),
    "mitigated": verb(
        "Mitigated", "incident.mitigate", moving.mitigated, "It hurts nobody any more.",
        forms.IncidentMitigated,
    ),
    "watch": verb(
        "Watch", "incident.resolve", moving.watch, "It works again, and is watched.",
        forms.IncidentSeen,
    ),
    "resolve": verb(
        "Resolve", "incident.resolve", moving.resolve,
        "It is over, and nobody is called any more.", forms.IncidentOver,
    ),
    "review": verb(
        "Review", "incident.close", writing.plan_review, "Plan its review.", forms.IncidentSeen
    ),
    "reopen": verb(
        "Reopen", "incident.resolve", moving.reopen, "It was not over: its people are called.",
        forms.IncidentWhy,
    ),
    "merge": verb(
        "Merge", "incident.merge", moving.merge,
        "It is the same as another one, which its alerts go to.", forms.IncidentMerge,
    ),
    "cancel": verb(
        "Cancel", "incident.cancel", moving.cancel, "It was a false alarm.", forms.IncidentWhy
    ),
    "close": verb(
        "Close", "incident.close", moving.close,
        "The last of it is done; its work item is closed.", forms.IncidentOver,
    ),
}  # fmt: skip


class SeverityFilter(PortalFilterSet):
    ladder = django_filters.ChoiceFilter(choices=SeverityLevel.Ladder.choices)


class SeverityLevelsView(ListView):
    """The ladders that hold in the workspace: its own rungs, and shipped ones."""

    actions = {"GET": VIEW}
    output = forms.SeverityRow
    filterset = SeverityFilter
    sorts = {"ladder": ("ladder", "rank", "id")}
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        here = request.workspace
        assert here is not None
        levels.of(here.pk)  # what was never shipped yet is
        rows = SeverityLevel.objects.visible_to(request.actor).in_force(here.pk)
        found: QuerySet[Any] = rows.annotate(
            shipped=ExpressionWrapper(Q(workspace=None), output_field=BooleanField())
        )
        return found
