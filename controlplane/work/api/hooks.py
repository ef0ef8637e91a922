"""Webhooks of GitHub's, and whose are believed."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.plain import plain_view
from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import NoInput, OptionalReason, StrictSerializer
from controlplane.base.api.views import ANYONE, DetailView, ListView, PortalRequest
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid
from controlplane.work.api import examples
from controlplane.work.api.common import project_named
from controlplane.work.models import GithubSource
from controlplane.work.services import github

MAX_DELIVERY = define(
    "work.max_delivery_bytes",
    8 * 1024 * 1024,
    unit="bytes",
    why="Deliveries about checks have some kilobytes; larger ones are of events not listened to.",
)
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_SIGNATURE = re.compile(r"sha256=[0-9a-fA-F]{64}")
_HEADERS = {
    "HTTP_X_GITHUB_EVENT": ("X-GitHub-Event", _NAME),
    "HTTP_X_GITHUB_DELIVERY": ("X-GitHub-Delivery", _NAME),
    "HTTP_X_HUB_SIGNATURE_256": ("X-Hub-Signature-256", _SIGNATURE),
}


class HookSchema(PortalSchema):
    """The body is GitHub's own; some of it is read."""

    def get_request_serializer(self) -> Any:
        return None

    def _get_request_body(self, direction: Any = "request") -> Any:
        form = {"type": "object", "additionalProperties": True}
        return {
            "content": {"application/json": {"schema": form, "example": DELIVERY}},
            "required": True,
        }

    def _own_parameters(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
            for name, _ in _HEADERS.values()
        ]


DELIVERY = {
    "action": "completed",
    "repository": {"full_name": "example/portal"},
    "check_run": {
        "id": 128620228,
        "name": "tests",
        "head_sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
        "status": "completed",
        "conclusion": "success",
        "completed_at": "2025-10-16T08:31:00Z",
        "check_suite": {"head_branch": "bd-a1f-release"},
    },
}


class HookAnswer(StrictSerializer):
    outcome = serializers.CharField()
    repeated = serializers.BooleanField()


@plain_view(
    actions={"POST": ANYONE},
    inputs={"POST": NoInput},
    outputs={"POST": HookAnswer},
    in_workspace=False,
    max_body=MAX_DELIVERY.shipped,
    tags=["work"],
    errors=(401,),
)
def github_hook(request: HttpRequest) -> Any:
    """Where GitHub delivers what CI says

    Signed with the repository's secret (`X-Hub-Signature-256`), as `application/json`. A delivery
    is heard once. Checks, workflow runs, commit and deployment statuses are stored and told on the
    items they name; gates that waited for a run or a pull request are opened.
    """
    event, delivery, signature = (_header(request, name) for name in _HEADERS)
    body = bodies.read(request, MAX_DELIVERY.value)
    bodies.check_json(request.META.get("CONTENT_TYPE", ""))
    done = github.receive(event=event, delivery=delivery, signature=signature, body=body)
    return done._asdict()


github_hook.cls.schema = HookSchema()  # type: ignore[attr-defined]


def _header(request: HttpRequest, name: str) -> str:
    shown, form = _HEADERS[name]
    value: str = request.META.get(name, "")
    if not form.fullmatch(value):
        raise Invalid("This is no delivery of GitHub's.", details={shown: "Missing, or malformed."})
    return value


# --- Sources ----------------------------------------------------------------------------------


class SourceRow(StrictSerializer):
    uid = serializers.UUIDField()
    repository = serializers.CharField()
    project = serializers.UUIDField(source="project.uid")
    is_active = serializers.BooleanField()
    last_at = serializers.DateTimeField(allow_null=True, help_text="Of the last good delivery.")
    last_refused_at = serializers.DateTimeField(allow_null=True)
    refused = serializers.IntegerField(help_text="Deliveries whose signature was wrong.")
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class SourceNew(StrictSerializer):
    repository = serializers.CharField(max_length=200, help_text="owner/name")
    project = serializers.CharField(
        max_length=80, required=False, help_text="uid or name; else the operations project."
    )


class SourceSecret(StrictSerializer):
    source = SourceRow()  # type: ignore[assignment]
    secret = serializers.CharField(help_text="Shown this once. Enter it at GitHub.")


class SourceSwitch(StrictSerializer):
    active = serializers.BooleanField()
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)


class SourceFilter(PortalFilterSet):
    active = BooleanFilter(field_name="is_active")

    class Meta:
        model = GithubSource
        fields: list[str] = []


class SourcesView(ListView):
    """Repositories whose webhooks are believed."""

    actions = {"GET": "work.hooks", "POST": "work.hooks"}
    output = SourceRow
    inputs = {"POST": SourceNew}
    outputs = {"POST": SourceSecret}
    filterset = SourceFilter
    secret_fields = ("secret",)
    tags = ["work"]
    examples = {
        "GET": examples.page(examples.SOURCE),
        "POST": {"repository": "example/portal"},
    }

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return GithubSource.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        """Believe a repository's webhooks; the answer holds their secret, once"""
        values = self.read(request)
        project = project_named(request, values.get("project", ""))
        made = github.add_source(project, actor=request.actor, repository=values["repository"])
        return created(
            {"source": self.show(made.source), "secret": made.secret},
            f"{request.path}/{made.source.uid}",
        )


class SourceView(DetailView):
    """One repository whose webhooks are believed."""

    actions = {"GET": "work.hooks"}
    output = SourceRow
    version = ("version", "refused", "last_at")
    tags = ["work"]
    examples = {"GET": examples.SOURCE}
    rows = SourcesView.rows


class SourceRotateView(SourceView):
    """Give a repository's webhooks a new secret; the old one proves nothing from now on."""

    actions = {"POST": "work.hooks"}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": SourceSecret}
    secret_fields = ("secret",)
    examples = {"POST": {"reason": "quarterly"}}

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        values = self.read(request)
        made = github.rotate_secret(
            self.object(request, {"uid": uid}), actor=request.actor, **values
        )
        return JsonAnswer({"source": self.show(made.source), "secret": made.secret})


class SourceSwitchView(SourceView):
    """Believe a repository's webhooks no more, or again."""

    actions = {"POST": "work.hooks"}
    inputs = {"POST": SourceSwitch}
    outputs = {"POST": SourceRow}
    examples = {"POST": {"active": False, "reason": "moved"}}

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        values = self.read(request)
        source = self.object(request, {"uid": uid})
        return JsonAnswer(self.show(github.switch_source(source, actor=request.actor, **values)))
