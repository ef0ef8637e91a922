"""Missions: listed, made or found, described, walked through their stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import NoInput, OptionalReason
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.lib import clock, kept
from controlplane.lib.errors import Invalid, NotFound
from missions import reads, services, stages
from missions.api import examples, forms, shapes
from missions.gates.looking import Look
from missions.models import Mission
from missions.querysets import ENDED
from missions.shown.timeline import timeline
from missions.standing import standing

VIEW, CHANGE = "mission.view", "mission.change"


class MissionFilter(PortalFilterSet):
    stage = django_filters.CharFilter(method="in_stage", max_length=60)
    status = django_filters.ChoiceFilter(choices=Mission.Status.choices)
    mission_type = django_filters.CharFilter(max_length=40)
    priority = django_filters.ChoiceFilter(choices=Mission.Priority.choices)
    tag = django_filters.CharFilter(method="with_tag", max_length=40)
    owner = django_filters.UUIDFilter(field_name="owner__uid")
    external_ref = django_filters.CharFilter(max_length=200)
    open = BooleanFilter(method="whether_open")
    overdue = BooleanFilter(method="whether_overdue")
    archived = BooleanFilter(method="whether_archived")

    def in_stage(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(stage=stages.normal(value))

    def with_tag(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(tags__contains=[value])

    def whether_open(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.exclude(status__in=ENDED) if value else rows.filter(status__in=ENDED)

    def whether_overdue(self, rows: Any, name: str, value: bool) -> QuerySet[Any]:
        late = Mission.objects.overdue().values("pk")
        found: QuerySet[Any] = rows.filter(pk__in=late) if value else rows.exclude(pk__in=late)
        return found

    def whether_archived(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.filter(archived_at__isnull=not value)


def shaped(row: dict[str, Any]) -> dict[str, Any]:
    """With the names of its stage, and whether its day is over."""
    legacy = row.pop("_legacy", None) or []
    row["stage_v3"] = stages.get(row["stage"]).label
    row["stage_legacy"] = legacy or list(stages.get(row["stage"]).legacy)
    due, ended = row["due_on"], row["status"] in ENDED
    row["overdue"] = due is not None and not ended and due < clock.now().date()
    return row


class _Rows:
    extra_columns: ClassVar[Sequence[str]] = ("stage_legacy",)
    tags: ClassVar[Sequence[str]] = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Mission.objects.visible_to(request.actor).of(request.workspace)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        row["_legacy"] = row.pop("stage_legacy", None)
        return shaped(row)


class MissionsView(_Rows, ListView):
    """Missions of the workspace, the newest first."""

    actions = {"GET": VIEW, "POST": "mission.create"}
    output = forms.MissionRow
    inputs = {"POST": forms.MissionNew}
    outputs = {"POST": forms.MissionRow}
    filterset = MissionFilter
    is_kept = True
    sorts = {
        "newest": ("-id",),
        "due": ("due_on", "id"),
        "priority": ("priority", "id"),
    }
    examples = {"POST": examples.NEW}
    errors = (409,)
    repeats = {"POST": 200}

    def post(self, request: Any) -> HttpResponse:
        """Plan a mission, or find it by its external reference

        A draft with its brief and its work item. With an `external_ref` that is here already it
        answers that mission and 200, however often and by whomever it is asked.
        """
        values = forms.resolved(request, self.read(request))
        values["source"] = "api"
        where: Any = {"actor": request.actor}
        if values.get("external_ref"):
            found = services.ensure_mission(request.workspace, **where, **values)
            if not found.created:
                return JsonAnswer(self.show(found.mission))
            made = found.mission
        else:
            made = services.create_mission(request.workspace, **where, **values)
        return created(self.show(made), f"{request.path}/{made.ref}")


class ImportView(_Rows, ListView):
    """Missions of the system before."""

    actions = {"POST": "mission.import"}
    output = forms.MissionRow
    inputs = {"POST": forms.Import}
    outputs = {"POST": forms.ImportedAll}
    statuses = {"POST": 200}
    examples = {"POST": examples.IMPORT}
    max_body = 4 * 1024 * 1024
    errors = (409,)

    def post(self, request: Any) -> HttpResponse:
        """Import missions, with stages in any of the three vocabularies

        All or none; at most 500. One whose `external_ref` is here already stays as it is. What was
        signed elsewhere is not known here: each goes on from its stage by signatures.
        """
        rows = [forms.resolved(request, row) for row in self.read(request)["missions"]]
        done = services.import_missions(request.workspace, rows, actor=request.actor)
        return JsonAnswer(
            {
                "missions": [
                    {
                        "external_ref": each.mission.external_ref,
                        "ref": each.mission.ref,
                        "created": each.created,
                    }
                    for each in done
                ]
            }
        )


class OneMission(_Rows, DetailView):
    output = forms.MissionRow
    lookup = "ref"
    version = ("version",)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return super().rows(request).select_related("workspace", "owner", "item")

    def whole(self, request: Any, ref: str) -> HttpResponse:
        """As it stands now."""
        return JsonAnswer(self.document(mission_of(request, ref)))

    def document(self, row: Mission) -> dict[str, Any]:
        look = Look(row)
        stands = standing(row, look)
        return {
            **self.show(row),
            "intent": row.intent,
            "close_reason": row.close_reason,
            "blocked": stands.blocked,
            "ready": stands.ready,
            "next": stands.words,
            "brief": shapes.brief(look.brief),
            "gates": [shapes.gate(check) for check in stands.checks],
            "checklist": shapes.checklist(look),
            "visits": [shapes.visit(each) for each in look.visits],
        }


def mission_of(request: Any, ref: str) -> Mission:
    found = kept.seen(
        request.actor,
        lambda actor, workspace, ref: (
            Mission.objects.visible_to(actor)
            .of(workspace)
            .select_related("workspace", "owner", "item")
            .filter(ref=ref)
        ),
        *(request.workspace.pk, ref),
    )
    if not found:
        raise NotFound("Nothing is here, or it is not yours to see.")
    mission: Mission = found[0]
    return mission


class MissionView(OneMission):
    """One mission: what it is, where it stands, and what is between it and its next stage."""

    actions = {"GET": VIEW, "PATCH": CHANGE}
    output = forms.MissionRow
    inputs = {"PATCH": forms.MissionChange}
    outputs = {"GET": forms.MissionWhole, "PATCH": forms.MissionWhole}
    if_match = {"PATCH": "optional"}
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """One mission, with its gates, brief, checklist and visits"""
        row = mission_of(request, kwargs["ref"])
        with reads.together([row]):  # gates ask for the same rows, and nothing is written here
            answer = JsonAnswer(self.document(row))
        answer["ETag"] = self.tag_of(row, kwargs)
        return answer

    def patch(self, request: Any, ref: str) -> HttpResponse:
        """Say what it is; what is signed in Define changes while the brief is open"""
        row = self.object(request, {"ref": ref})
        values = forms.resolved(request, self.read(request))
        services.change_mission(row, actor=request.actor, **values)
        return self.whole(request, ref)


class GatesView(OneMission):
    """What is between a mission and its next stage, each with who can mend it."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.Gates}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Gates of a mission, looked at now"""
        look = Look(mission_of(request, kwargs["ref"]))
        return JsonAnswer(shapes.gates(look, standing(look.mission, look)))


class TimelineView(OneMission):
    """Everything that happened to a mission."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.Timeline}
    query = ("after",)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """What happened to a mission, the oldest first; `after` is the last number that was read"""
        asked = request._request.GET.get("after", "0")
        if not (asked.isascii() and asked.isdigit() and len(asked) < 19):
            raise Invalid("after: The number of an entry.", details={"after": "A whole number."})
        row = mission_of(request, kwargs["ref"])
        return JsonAnswer({"items": timeline(row, after=int(asked))})


class _Verb(OneMission):
    """One move of a mission."""

    service: ClassVar[Callable[..., Any]]
    outputs = {"POST": forms.MissionWhole}
    statuses = {"POST": 200}
    if_match = {"POST": "optional"}
    errors = (409, 422)

    def post(self, request: Any, ref: str) -> HttpResponse:
        row = self.object(request, {"ref": ref})
        type(self).service(row, actor=request.actor, **self.read(request))
        return self.whole(request, ref)


def verb(
    name: str,
    action: str,
    service: Callable[..., Any],
    words: str,
    form: Any = NoInput,
    example: Any = None,
) -> type[_Verb]:
    """A route of its own for each move: what may be sent and who may send it is documented."""
    attributes = {
        "__doc__": words,
        "__module__": __name__,
        "actions": {"POST": action},
        "inputs": {"POST": form},
        "service": staticmethod(service),
        "examples": {"POST": example} if example is not None else {},
    }
    return type(f"Mission{name}View", (_Verb,), attributes)


StartView = verb(
    "Start", "mission.start", services.start_mission, "Start it: into Define.", OptionalReason
)
AdvanceView = verb(
    "Advance",
    "mission.move",
    services.advance_stage,
    "Into the next stage, when its checkpoint is signed and every gate holds.",
    forms.Move,
    {"to": "prepare"},
)
BackView = verb(
    "Back",
    "mission.send_back",
    services.send_back,
    "Send it back to an earlier stage; what was signed since counts for nothing.",
    forms.Back,
    examples.BACK,
)
PauseView = verb(
    "Pause",
    "mission.pause",
    services.pause_mission,
    "Pause it: nothing goes on until somebody resumes it.",
    forms.Pause,
    {"reason": "The CRM answers with errors.", "cause": "operator"},
)
ResumeView = verb(
    "Resume", "mission.resume", services.resume_mission, "Let it go on.", forms.Reason
)
CancelView = verb("Cancel", "mission.cancel", services.cancel_mission, "Cancel it.", forms.Reason)
FailView = verb("Fail", "mission.fail", services.fail_mission, "Give it up.", forms.Reason)
ArchiveView = verb(
    "Archive",
    "mission.archive",
    services.archive_mission,
    "Put one that ended away, or bring it back.",
    forms.Archive,
)
LockView = verb("Lock", "mission.lock", services.lock_brief, "Lock the brief; it says everything.")
UnlockView = verb(
    "Unlock",
    "mission.lock",
    services.unlock_brief,
    "Open the brief again: back to Define, and what was signed since counts for nothing.",
    forms.Reason,
)
EvidenceLinkView = verb(
    "EvidenceLink",
    "mission.evidence",
    services.link_evidence,
    "Link evidence of the stage it is in.",
    forms.EvidenceLink,
    examples.LINK,
)
EvidenceUnlinkView = verb(
    "EvidenceUnlink",
    "mission.evidence",
    services.unlink_evidence,
    "Take a link to evidence away.",
    forms.Unlink,
)
