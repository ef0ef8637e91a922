"""Privacy by API: policies and consents, what is held about somebody, erasure, copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.access.models import User
from controlplane.access.step_up import require_recent_factor
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import (
    SIGNED_IN,
    DetailView,
    ListView,
    PortalAPIView,
    PortalRequest,
    RowView,
)
from controlplane.lib.errors import Invalid, NotFound
from controlplane.privacy import services
from controlplane.privacy.models import Consent, DataRefresh, DeletionRequest, PrivacyPolicy
from controlplane.privacy.services.policies import LONGEST
from controlplane.privacy.web.people import archive_name

_SENDER = ("agent_id", "workspace_id", "session_id", "role")
TAGS = ["privacy"]


class PolicyRow(StrictSerializer):
    uid = serializers.UUIDField()
    version = serializers.IntegerField()
    text = serializers.CharField()
    changes = serializers.CharField()
    asks_consent = serializers.BooleanField()
    published_at = serializers.DateTimeField()
    published_by = serializers.CharField()


class PolicyNew(StrictSerializer):
    text = serializers.CharField(max_length=LONGEST, trim_whitespace=False)
    changes = serializers.CharField(max_length=400, default="", allow_blank=True)
    asks_consent = serializers.BooleanField(default=True)


class PoliciesView(ListView):
    """Versions of the privacy policy, newest first; the first is in force."""

    actions = {"GET": "workspace.view", "POST": "privacy.publish"}
    output = PolicyRow
    inputs = {"POST": PolicyNew}
    outputs = {"POST": PolicyRow}
    statuses = {"POST": 201}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return PrivacyPolicy.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def post(self, request: Any) -> HttpResponse:
        """Publish the next version"""
        row = services.publish_policy(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(row), f"/api/v1/privacy/policies/{row.uid}")


class PolicyView(DetailView):
    """One version of the policy."""

    actions = {"GET": "workspace.view"}
    output = PolicyRow
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return PrivacyPolicy.objects.visible_to(request.actor).filter(workspace=request.workspace)


class ConsentRow(StrictSerializer):
    uid = serializers.UUIDField()
    version = serializers.IntegerField(source="policy.version")
    person = serializers.UUIDField(source="user.uid")
    email = serializers.CharField(source="user.email")
    answer = serializers.ChoiceField(choices=Consent.Answer.choices)
    said_at = serializers.DateTimeField()
    replaced_at = serializers.DateTimeField(allow_null=True)
    door = serializers.ChoiceField(choices=Consent.Door.choices)
    evidence = serializers.CharField()


class ConsentSaid(StrictSerializer):
    agree = serializers.BooleanField()
    person = serializers.UUIDField(
        required=False, help_text="Somebody who said it on paper; without it, oneself."
    )
    evidence = serializers.CharField(max_length=300, default="", allow_blank=True)


class ConsentFilter(PortalFilterSet):
    answer = django_filters.ChoiceFilter(choices=Consent.Answer.choices)
    version = django_filters.NumberFilter(field_name="policy__version")


class ConsentsView(ListView):
    """Who agreed to which version of the policy, newest first."""

    actions = {"GET": "privacy.view"}
    output = ConsentRow
    filterset = ConsentFilter
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        mine = Consent.objects.visible_to(request.actor)
        return mine.filter(policy__workspace=request.workspace)


class ConsentView(RowView):
    """Say whether one agrees to this version, or record what somebody said on paper."""

    actions = {"POST": "workspace.view"}
    output = ConsentRow
    inputs = {"POST": ConsentSaid}
    outputs = {"POST": ConsentRow}
    statuses = {"POST": 200}
    sender_fields = _SENDER
    tags = TAGS

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        here = PrivacyPolicy.objects.visible_to(request.actor).filter(workspace=request.workspace)
        policy = here.filter(uid=kwargs["uid"]).first()
        if policy is None:
            raise NotFound("There is no such policy.")
        given, actor = self.read(request), request.actor
        if "person" in given:
            row = services.record_consent(
                policy, person_of(request, given["person"]), actor=actor,
                evidence=given["evidence"], agree=given["agree"],
            )  # fmt: skip
        else:
            door = Consent.Door.API
            row = services.answer_policy(policy, given["agree"], actor=actor, door=door)
        return JsonAnswer(self.show(row))


def person_of(request: PortalRequest, uid: Any) -> User:
    """Whom the caller may know of: a colleague, past or present."""
    found = User.objects.visible_to(request.actor).filter(uid=uid).first()
    if found is None:
        raise Invalid("No such person.", details={"person": ["Not known here."]})
    return found


class ArchiveSchema(PortalSchema):
    """The answer is a file, not the JSON of a form."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        binary = {"schema": {"type": "string", "format": "binary"}}
        bodies["200"]["content"] = {"application/zip": binary}
        bodies["200"]["description"] = "A zip of JSON files; index.json names them."
        return bodies


class ExportUserView(PortalAPIView):
    """What the portal holds about oneself, or with `person` about somebody else, as a zip of JSON
    files. For people signed in with a fresh second factor."""

    schema = ArchiveSchema()
    actions = {"GET": SIGNED_IN}
    in_workspace = False
    query = ("person",)
    tags = TAGS
    errors = (403, 404)

    def get(self, request: Any) -> Any:
        uid = request._request.GET.get("person", "")
        me = User.objects.filter(pk=request.actor.user_id or 0).first()
        if not uid and me is None:
            raise NotFound("Personal data is about people.")
        who = me if not uid else _known(request, uid)
        assert who is not None
        services.require_export(who, actor=request.actor)
        require_recent_factor(request.actor)
        archive = services.export(who, actor=request.actor)
        return FileResponse(archive, as_attachment=True, filename=archive_name())


def _known(request: PortalRequest, uid: str) -> User:
    try:
        form = serializers.UUIDField().run_validation(uid)
    except serializers.ValidationError as error:
        raise Invalid("The person is named by uid.", details={"person": ["Not a uid."]}) from error
    found = User.objects.visible_to(request.actor).filter(uid=form).first()
    if found is None:
        raise NotFound("Nothing is here, or it is not yours to see.")
    return found


class DeletionRow(StrictSerializer):
    uid = serializers.UUIDField()
    person = serializers.UUIDField(source="person.uid")
    name = serializers.CharField(source="person.name")
    status = serializers.ChoiceField(choices=DeletionRequest.Status.choices)
    reason = serializers.CharField()
    asked_by = serializers.CharField()
    asked_at = serializers.DateTimeField()
    not_before = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    held_for = serializers.CharField()
    held_until = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    tries = serializers.IntegerField()
    last_error = serializers.CharField()
    report = serializers.JSONField()


class DeletionNew(StrictSerializer):
    person = serializers.UUIDField(required=False, help_text="Without it, oneself.")
    reason = serializers.CharField(max_length=400, default="", allow_blank=True)


class DeletionFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=DeletionRequest.Status.choices)


def _deletions(request: PortalRequest) -> QuerySet[Any]:
    rows = DeletionRequest.objects.visible_to(request.actor).filter(workspace=request.workspace)
    return rows.select_related("person")


class DeletionsView(ListView):
    """Requests that what is held about a person is erased; `POST` asks for one."""

    actions = {"GET": "privacy.view", "POST": "privacy.ask"}
    output = DeletionRow
    filterset = DeletionFilter
    inputs = {"POST": DeletionNew}
    outputs = {"POST": DeletionRow}
    statuses = {"POST": 201}
    sender_fields = _SENDER
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _deletions(request)

    def post(self, request: Any) -> HttpResponse:
        """Ask that somebody's data is erased"""
        given = self.read(request)
        about = given.get("person")
        me = User.objects.filter(pk=request.actor.user_id or 0).first()
        who = person_of(request, about) if about else me
        if who is None:
            raise NotFound("Personal data is about people.")
        require_recent_factor(request.actor)
        row = services.ask_erasure(
            request.workspace, who, actor=request.actor, reason=given["reason"]
        )
        return created(self.show(row), f"/api/v1/privacy/deletions/{row.uid}")


class DeletionView(DetailView):
    """One request for erasure; when it is done, what went where, and what is kept and why."""

    actions = {"GET": "privacy.view"}
    output = DeletionRow
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _deletions(request)


class DeletionReason(StrictSerializer):
    reason = serializers.CharField(max_length=400, default="", allow_blank=True)


class DeletionHold(StrictSerializer):
    reason = serializers.CharField(max_length=400)
    until = serializers.DateTimeField(required=False)


class _DeletionVerb(DetailView):
    inputs: ClassVar[Any] = {"POST": DeletionReason}
    outputs: ClassVar[Any] = {"POST": DeletionRow}
    statuses: ClassVar[Any] = {"POST": 200}
    output = DeletionRow
    tags = TAGS
    service: ClassVar[Callable[..., DeletionRequest]]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _deletions(request)

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        row = self.object(request, kwargs)
        done = type(self).service(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class DeletionWithdraw(_DeletionVerb):
    """Withdraw a request: by whoever it is about, or by the officer at their word."""

    actions = {"POST": "privacy.ask"}
    service = services.withdraw


class DeletionHeld(_DeletionVerb):
    """Hold an erasure back, with what it is held for and until when."""

    actions = {"POST": "privacy.hold"}
    inputs = {"POST": DeletionHold}
    service = services.hold


class DeletionRelease(_DeletionVerb):
    """Let a held erasure go on."""

    actions = {"POST": "privacy.hold"}
    service = services.release


class DeletionErase(_DeletionVerb):
    """Erase at once, before the days of grace are over."""

    actions = {"POST": "privacy.erase"}
    errors = (422,)
    service = services.erase


class CopyRow(StrictSerializer):
    uid = serializers.UUIDField()
    system = serializers.CharField()
    target = serializers.CharField()
    taken_at = serializers.DateTimeField()
    rules = serializers.CharField()
    sanitised_by = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField(allow_null=True)


class CopyNew(StrictSerializer):
    system = serializers.CharField(max_length=80)
    target = serializers.CharField(max_length=120)
    taken_at = serializers.DateTimeField()
    rules = serializers.CharField(max_length=400)
    sanitised_by = serializers.CharField(max_length=200, default="", allow_blank=True)
    sha256 = serializers.RegexField(r"\A(?:[0-9a-fA-F]{64})?\Z", required=False, allow_blank=True)
    size = serializers.IntegerField(min_value=0, max_value=2**62, required=False, allow_null=True)


class CopiesView(ListView):
    """Copies of production for testing, newest first; `POST` reports one made elsewhere."""

    actions = {"GET": "privacy.view", "POST": "privacy.copy"}
    output = CopyRow
    inputs = {"POST": CopyNew}
    outputs = {"POST": CopyRow}
    statuses = {"POST": 201}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return DataRefresh.objects.visible_to(request.actor)

    def post(self, request: Any) -> HttpResponse:
        """Report a sanitised copy"""
        row = services.report_copy(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(row))


_ONE = "v1/privacy/deletions/<uuid:uid>"
urlpatterns = [
    path("v1/users/export", ExportUserView.as_view()),
    # The name the playbook gives it, for whoever typed it from there.
    path("users/export", ExportUserView.as_view()),
    path("v1/privacy/policies", PoliciesView.as_view()),
    path("v1/privacy/policies/<uuid:uid>", PolicyView.as_view()),
    path("v1/privacy/policies/<uuid:uid>/consent", ConsentView.as_view()),
    path("v1/privacy/consents", ConsentsView.as_view()),
    path("v1/privacy/deletions", DeletionsView.as_view()),
    path(_ONE, DeletionView.as_view()),
    path(f"{_ONE}/withdraw", DeletionWithdraw.as_view()),
    path(f"{_ONE}/hold", DeletionHeld.as_view()),
    path(f"{_ONE}/release", DeletionRelease.as_view()),
    path(f"{_ONE}/erase", DeletionErase.as_view()),
    path("v1/privacy/copies", CopiesView.as_view()),
]
